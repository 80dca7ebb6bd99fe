/**
 * `POST /v1/notifications/{name}`: a backend's server tells what has changed there, as S3 event JSON, plain, by SNS or by EventBridge. It bears the backend's
 * `scan.secret` as a bearer token, as the password of basic authentication, or signs its body with it: `X-Stored-Signature: sha256=<hex>`. 202 with the number of places
 * that are looked at. Whoever does not is told the same whatever is wrong, also whether there is such a backend; its body is read only where it may be signed.
 */
import { buffer } from "node:stream/consumers"
import * as z from "zod"
import { type ErrorCode, isStoredError } from "../../core/error.ts"
import { callerOf } from "../access/caller.ts"
import { turnAway } from "../access/closed-door.ts"
import { PROBLEM_TYPE } from "../problem.ts"
import { route } from "../route.ts"
import { problem } from "../schemas/pieces.ts"
import { declaredSize, uploadBody } from "../upload-body.ts"

const MOST_BYTES = 1024 * 1024
const RULE = "This is for servers of backends; bear the scan.secret of one, or sign the body with it."
/** Told alike. That a secret cannot be had is for the log. */
const REFUSED: ReadonlySet<ErrorCode> = new Set(["PERMISSION_DENIED", "UNKNOWN_BACKEND", "SECRET_UNAVAILABLE"])

export const notify = route({
  method: "POST",
  path: "/v1/notifications/{name}",
  operation: "notify",
  tag: "scans",
  summary: "The server of a backend tells what has changed there.",
  description: "S3 event messages, plain, by SNS or EventBridge.",
  policy: { open: true, why: "who sends it bears the backend's own scan.secret, and can only have places looked at" },
  headers: {
    authorization: "the backend's scan.secret as a bearer token, or as the password of basic authentication",
    "x-stored-signature": "instead: sha256=<hex>, the HMAC-SHA-256 of the body under the secret",
  },
  takesBytes: true,
  answers: {
    202: { is: "So many places are looked at.", schema: z.object({ looks: z.int() }) },
    401: { is: "Without the secret.", schema: problem, type: PROBLEM_TYPE },
  },
  async handle({ services, request, reply, name }) {
    const bounds = { ...services.limits, maxBlobSize: MOST_BYTES }
    declaredSize(request.raw, bounds)
    const { authorization, "x-stored-signature": signed } = request.headers
    const signature = typeof signed === "string" ? signed : null
    const shown = { token: tokenOf(authorization), signature }
    const { keeper, store, log } = services
    // Counted with the wrong tokens of that address: a secret that a person has chosen can be guessed.
    const caller = { ...callerOf(request), authorization: authorization ?? signature ?? undefined }
    if (caller.authorization !== undefined && !keeper.mayTry(caller.address)) throw keeper.refusal(caller)
    try {
      reply.code(202)
      return { looks: await store.notify(name, { body: () => buffer(uploadBody(request.raw, bounds)), ...shown }) }
    } catch (error) {
      if (!isStoredError(error) || !REFUSED.has(error.code)) throw error
      if (error.code === "SECRET_UNAVAILABLE")
        log.error({ error: error.toJSON() }, "a notification could not be checked, and was refused")
      return turnAway(services, request, reply, RULE, caller)
    }
  },
})

function tokenOf(authorization = ""): string | null {
  const bearer = /^bearer +(\S+) *$/i.exec(authorization)?.[1]
  if (bearer !== undefined) return bearer
  const basic = /^basic +(\S+) *$/i.exec(authorization)?.[1]
  if (basic === undefined) return null
  const pair = Buffer.from(basic, "base64").toString("utf8")
  return pair.includes(":") ? pair.slice(pair.indexOf(":") + 1) : null
}
