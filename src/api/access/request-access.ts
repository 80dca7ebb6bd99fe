/** Who a request is from, once the gatekeeper has let it in: found by the request itself, so that nothing hangs on the framework's objects. */
import type { FastifyRequest } from "fastify"
import type { Access } from "../../core/access.ts"
import { StoredError } from "../../core/error.ts"

const ACCESS = new WeakMap<object, Access>()

export function keepAccess(request: FastifyRequest, access: Access): void {
  ACCESS.set(request.raw, access)
}

/** @throws StoredError INTERNAL: a route that asks is one that nobody was let through to */
export function accessOfRequest(request: FastifyRequest): Access {
  const access = ACCESS.get(request.raw)
  if (access) return access
  throw new StoredError("INTERNAL", "A request was not looked at before its route began.")
}

/** Null where nobody has looked yet, or a refused one. */
export function knownAccess(request: FastifyRequest): Access | null {
  return ACCESS.get(request.raw) ?? null
}
