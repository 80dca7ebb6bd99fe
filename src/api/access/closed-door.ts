/** Turns away whoever bears nothing that opens a door of the configuration (metrics, workers, the board): counted with all wrong tokens of that address, told to the audit, and answered in the door's own words. */
import type { FastifyReply, FastifyRequest } from "fastify"
import type { StoredError } from "../../core/error.ts"
import { answerError, send } from "../error-answer.ts"
import { httpProblem } from "../problem.ts"
import type { Audit } from "./audit.ts"
import { type Caller, callerOf } from "./caller.ts"
import type { Gatekeeper } from "./gatekeeper.ts"
import { knownAccess } from "./request-access.ts"

export interface Doorkeeper {
  keeper: Gatekeeper
  audit: Audit
}

/**
 * @param rule a sentence of who is let in
 * @param caller with what was shown, where that was not the header
 */
export function turnAway(
  { keeper, audit }: Doorkeeper,
  request: FastifyRequest,
  reply: FastifyReply,
  rule: string,
  caller: Caller = callerOf(request),
): FastifyReply {
  return answerRefusal(audit, request, reply, rule, keeper.refusal(caller))
}

/** For a refusal that was counted already. Answered here: what a library mounts beside us answers errors in its own way. */
export function answerRefusal(
  audit: Audit,
  request: FastifyRequest,
  reply: FastifyReply,
  rule: string,
  refusal: StoredError,
): FastifyReply {
  audit.refused(request, knownAccess(request), refusal)
  if (refusal.code === "TOO_MANY_REQUESTS") {
    answerError(refusal, request, reply)
    return reply
  }
  reply.header("www-authenticate", "Bearer")
  send(reply, httpProblem(401, rule))
  return reply
}
