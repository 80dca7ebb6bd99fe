/** Who may use `/internal/`: whoever sends the worker token. An absent, a malformed and a wrong one are told the same, before the body is read. */
import type { FastifyReply, FastifyRequest } from "fastify"
import { ANONYMOUS, WORKER } from "../core/access.ts"
import { isStoredError } from "../core/error.ts"
import { callerOf } from "./access/caller.ts"
import { answerRefusal, type Doorkeeper, turnAway } from "./access/closed-door.ts"
import { keepAccess, knownAccess } from "./access/request-access.ts"

export type Gate = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>

const RULE = "This path is for workers; send the server's worker token as a bearer token."

/** @param otherwise lets those through who bear a token of the store with the scope `worker`; whom it refuses is told as everybody else is */
export function requireToken(token: string, otherwise: Gate, door: Doorkeeper): Gate {
  const { keeper, audit } = door
  return async (request, reply) => {
    if (keeper.bears(callerOf(request), token)) {
      keepAccess(request, WORKER)
      audit.allowed(request, WORKER)
      return undefined
    }
    try {
      return await otherwise(request, reply)
    } catch (error) {
      if (!isStoredError(error) || (error.code !== "UNAUTHENTICATED" && error.code !== "FORBIDDEN")) throw error
      // Where nobody is asked for a token, a wrong one was not counted yet.
      if (knownAccess(request) === ANONYMOUS) return turnAway(door, request, reply, RULE)
      return answerRefusal(audit, request, reply, RULE, error)
    }
  }
}
