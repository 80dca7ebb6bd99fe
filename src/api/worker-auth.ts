/**
 * Who may use `/internal/`: whoever sends the worker token. An absent, a malformed and a wrong one are told the same, before the body is read, and
 * digests of one length are compared, in a time that does not depend on where they differ.
 */
import { createHash, timingSafeEqual } from "node:crypto"
import type { FastifyReply, FastifyRequest } from "fastify"
import { send } from "./error-answer.ts"
import { httpProblem } from "./problem.ts"

export type Gate = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>

export function requireToken(token: string): Gate {
  const expected = digest(token)
  return async (request, reply) => {
    const given = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1] ?? ""
    if (timingSafeEqual(digest(given), expected)) return
    reply.header("www-authenticate", "Bearer")
    send(reply, httpProblem(401, "This path is for workers; send the server's worker token as a bearer token."))
    return reply
  }
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest()
}
