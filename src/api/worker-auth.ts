/** Who may use `/internal/`: whoever sends the worker token. An absent, a malformed and a wrong one are told the same, before the body is read. */
import type { FastifyReply, FastifyRequest } from "fastify"
import { bearsToken } from "../core/bearer.ts"
import { send } from "./error-answer.ts"
import { httpProblem } from "./problem.ts"

export type Gate = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>

export function requireToken(token: string): Gate {
  return async (request, reply) => {
    if (bearsToken(request.headers.authorization, [token])) return
    reply.header("www-authenticate", "Bearer")
    send(reply, httpProblem(401, "This path is for workers; send the server's worker token as a bearer token."))
    return reply
  }
}
