/** Lets a request through to its route, or not: who it is from, and whether the policy of the route lets them. Before anything of its body is read. */
import type { FastifyRequest } from "fastify"
import { type Access, authorise, forbidden } from "../../core/access.ts"
import { parseKey } from "../../core/key.ts"
import type { Store } from "../../store/store.ts"
import type { Policy } from "../policy.ts"
import type { Route } from "../route.ts"
import type { Gate } from "../worker-auth.ts"
import { readableName, requireWholeStore } from "./allowed-reference.ts"
import type { Audit } from "./audit.ts"
import { callerOf } from "./caller.ts"
import type { Gatekeeper } from "./gatekeeper.ts"
import type { Holds } from "./holds.ts"
import { keepAccess } from "./request-access.ts"

type Guarded = Exclude<Policy, { open: true }>

export interface RouteGateOptions {
  keeper: Gatekeeper
  audit: Audit
  holds: Holds
  /** throws CLOSED while there is none */
  store(): Store
  /** what the request's path names. @throws StoredError INVALID_KEY */
  nameOf(route: Pick<Route, "path">, request: FastifyRequest): string
}

/** What it throws is answered, and told to the audit, by whoever answers errors. */
export function routeGate(
  route: Route,
  policy: Guarded,
  { keeper, audit, holds, store, nameOf }: RouteGateOptions,
): Gate {
  return async (request, reply) => {
    const access = keeper.admit(callerOf(request))
    keepAccess(request, access)
    admitTo(policy, access, { name: nameOf(route, request), store })
    // A pool is as large as somebody makes it, and waits for jobs by many requests.
    if (access.token !== null && policy.scope !== "worker") holds.hold(access.principal, reply.raw)
    audit.allowed(request, access)
    return undefined
  }
}

/**
 * Whether a policy lets somebody at what the path names. What the query or the body names, the route's own function asks about.
 * @throws StoredError FORBIDDEN, NOT_FOUND, INVALID_KEY
 */
export function admitTo(
  { scope, on }: Guarded,
  access: Access,
  { name, store }: { name: string; store(): Pick<Store, "namedWithin"> },
): void {
  if (scope === "metrics") return
  authorise(access, { scope })
  if (on === "key") authorise(access, { scope, keys: [parseKey(name)] })
  else if (on === "backend") authorise(access, { scope, backends: [name] })
  else if (on === "whole") requireWhole(access)
  else if (on === "name") requireReadable(access, name, store)
  else if (on === "blob" && scope === "read") requireReadable(access, name.toLowerCase(), store)
  else if (on === "blob") requireWholeStore(access, "This is about every object that names these bytes")
}

/** @throws StoredError NOT_FOUND, FORBIDDEN, INVALID_KEY */
function requireReadable(access: Access, name: string, store: () => Pick<Store, "namedWithin">): void {
  if (access.prefixes !== null) readableName(store(), access, name)
}

/** The store as such is nobody's part of it. @throws StoredError FORBIDDEN */
function requireWhole(access: Access): void {
  requireWholeStore(access, "This is about the whole store")
  if (access.backends !== null) throw forbidden("This is about every backend, and the token may use some only.")
}
