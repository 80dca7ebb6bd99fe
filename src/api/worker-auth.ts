/** Who may use `/internal/`: whoever sends the worker token. An absent, a malformed and a wrong one are told the same, before the body is read. */
import type { FastifyReply, FastifyRequest } from "fastify"
import { bearsToken } from "../core/bearer.ts"
import { isStoredError } from "../core/error.ts"
import { send } from "./error-answer.ts"
import { httpProblem } from "./problem.ts"

export type Gate = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>

/** @param otherwise lets those through who bear a token of the store with the scope `worker`; what it refuses is told as everything else is */
export function requireToken(token: string, otherwise: Gate): Gate {
  return async (request, reply) => {
    if (bearsToken(request.headers.authorization, [token])) return
    try {
      return await otherwise(request, reply)
    } catch (error) {
      if (isStoredError(error) && error.code === "CLOSED") throw error
      reply.header("www-authenticate", "Bearer")
      send(reply, httpProblem(401, "This path is for workers; send the server's worker token as a bearer token."))
      return reply
    }
  }
}
