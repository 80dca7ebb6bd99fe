/** Who did something, for the journal: the principal, and for puts the token whose quota it counts against. */
import type { FastifyRequest } from "fastify"
import { type Access, ANONYMOUS } from "../../core/access.ts"

export interface RequestActor {
  /** absent: whoever reaches a server that asks nobody */
  principal?: string
  requestId: string
}

export function actorOf({ access, request }: { access: Access; request: FastifyRequest }): RequestActor {
  return { ...(access !== ANONYMOUS && { principal: access.principal }), requestId: request.id }
}

export function putterOf(call: { access: Access; request: FastifyRequest }): RequestActor & { token?: string } {
  const { token } = call.access
  return { ...actorOf(call), ...(token !== null && { token }) }
}
