/**
 * Who may see what is for administrators in a browser: whoever bears the administrator's token, or has shown it as `?token=` before. That answers with a
 * cookie and sends the browser on to the same path without it. The cookie is not the token: it ends after some hours, and with the process.
 */
import { createHmac, randomBytes } from "node:crypto"
import type { FastifyReply, FastifyRequest } from "fastify"
import { ROOT } from "../core/access.ts"
import { isToken } from "../core/bearer.ts"
import { callerOf } from "./access/caller.ts"
import { type Doorkeeper, turnAway } from "./access/closed-door.ts"
import { keepAccess } from "./access/request-access.ts"
import { send } from "./error-answer.ts"
import { httpProblem } from "./problem.ts"
import type { Gate } from "./worker-auth.ts"

const COOKIE = "stored_admin"
/** s */
const LIFE = 8 * 3_600
const RULE = "This is for whoever bears STORED_ADMIN_TOKEN; send it as a bearer token, or in a browser once as ?token=."

/** @param path that the cookie is for, with everything below it. Only GET comes through: nothing is changed here. */
export function adminGate(token: string, path: string, door: Doorkeeper): Gate {
  const key = randomBytes(32)
  const sign = (end: string): string => createHmac("sha256", key).update(end).digest("base64url")
  const isSession = (cookie: string): boolean => {
    const [end = "", signature = ""] = cookie.split(".")
    return /^\d+$/.test(end) && Number(end) > Date.now() && isToken(signature, [sign(end)])
  }
  const logIn = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const end = String(Date.now() + LIFE * 1000)
    const secure = request.headers["x-forwarded-proto"] === "https" ? "; Secure" : ""
    reply.header(
      "set-cookie",
      `${COOKIE}=${end}.${sign(end)}; Path=${path}; Max-Age=${LIFE}; HttpOnly; SameSite=Strict${secure}`,
    )
    return reply.redirect(path, 303)
  }
  return async (request, reply) => {
    reply.headers({ "cache-control": "no-store", "referrer-policy": "no-referrer", "x-frame-options": "DENY" })
    const { token: shown } = request.query as { token?: unknown }
    const isShown = typeof shown === "string"
    const caller = isShown ? { ...callerOf(request), authorization: `Bearer ${shown}` } : callerOf(request)
    const isSessionOf = cookiesOf(request.headers.cookie).some(isSession)
    const isBearer = door.keeper.bears(caller, token)
    if (!isSessionOf && !isBearer) return turnAway(door, request, reply, RULE, caller)
    keepAccess(request, ROOT)
    door.audit.allowed(request, ROOT)
    if (request.method !== "GET") {
      reply.header("allow", "GET")
      send(
        reply,
        httpProblem(405, "Queues can only be looked at: the outbox is the truth. See stored status, and retry."),
      )
      return reply
    }
    if (isBearer && isShown) return logIn(request, reply)
  }
}

function cookiesOf(header: string | undefined): string[] {
  return (header ?? "").split(";").flatMap((pair) => {
    const [name, value = ""] = pair.trim().split("=", 2)
    return name === COOKIE ? [value] : []
  })
}
