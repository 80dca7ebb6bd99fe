/** Puts a declared route on a Fastify instance. */
import type { FastifyInstance, FastifyRequest } from "fastify"
import { NOBODY } from "../core/access.ts"
import { type StoredError, toStoredError } from "../core/error.ts"
import { readableName } from "./access/allowed-reference.ts"
import { knownAccess } from "./access/request-access.ts"
import { clientSignal } from "./client-signal.ts"
import type { EventSocket } from "./event-socket.ts"
import { requireUnderstoodKey } from "./idempotency.ts"
import { withoutStream } from "./implied-heads.ts"
import { readJson } from "./json-body.ts"
import { pathName } from "./path-name.ts"
import { parseAs, parseQuery } from "./query.ts"
import { type Call, pathParts, queryOf, type Route, type SocketCall } from "./route.ts"
import type { ApiServices } from "./services.ts"
import { declaredSize } from "./upload-body.ts"
import type { Gate } from "./worker-auth.ts"

/** Bytes of JSON that a person sends: a few settings or names. */
const MOST_BYTES = 64 * 1024

export interface MountOptions {
  services: ApiServices
  closing: AbortSignal
  /** lets nobody through whom the route's policy does not let; null: everybody may */
  gate: Gate | null
}

export function mountRoute(app: FastifyInstance, route: Route, { services, closing, gate }: MountOptions): void {
  const said = (request: FastifyRequest): SocketCall<unknown> => ({
    services,
    request,
    access: knownAccess(request) ?? NOBODY,
    name: ownName(route, request, services),
    query: parseQuery(queryOf(route), request.query),
    closing,
  })
  app.route({
    method: route.method,
    url: routerPath(route.path),
    config: { policy: route.policy, operation: route.operation },
    ...(gate && { onRequest: gate }),
    ...(route.isImplied && { onSend: withoutStream }),
    handler: async (request, reply) => {
      requireUnderstoodKey(request, route)
      const call: Call<unknown, unknown> = { ...said(request), reply, body: () => bodyOf(route, call) }
      return route.handle(call)
    },
    ...(route.socket && {
      wsHandler: (socket: EventSocket, request: FastifyRequest) => {
        try {
          route.socket!(said(request), socket)
        } catch (error) {
          refuse(socket, toStoredError(error))
        }
      },
    }),
  })
}

/** Of a violation of what we ask for (RFC 6455, 7.4.1). */
const POLICY_VIOLATION = 1008
/** Bytes that a reason may have. */
const MOST_REASON = 123

function refuse(socket: EventSocket, { code, message }: StoredError): void {
  socket.close(
    POLICY_VIOLATION,
    Buffer.from(`${code}: ${message}`)
      .subarray(0, MOST_REASON)
      .toString("latin1")
      .replace(/[^\x20-\x7e]/g, "?"),
  )
}

/** What the path names; for whoever may touch a part of the keys, an own key of the content that a checksum names: a blob's record tells of everybody's places. */
function ownName(route: Route, request: FastifyRequest, services: ApiServices): string {
  const name = nameOf(route, request)
  const access = knownAccess(request)
  const isShared = "on" in route.policy && route.policy.on === "name" && access !== null && access.prefixes !== null
  return isShared ? readableName(services.store, access, name) : name
}

/** How the router writes a path: a name at its end takes everything that follows, slashes too. */
function routerPath(path: string): string {
  const parts = pathParts(path)
  if (!parts) return path
  return parts.after === "" ? `${parts.before}*` : `${parts.before}:${parts.name}${parts.after}`
}

/** What the request's path names, decoded once. @throws StoredError INVALID_KEY for bad percent-encoding */
export function nameOf({ path }: Pick<Route, "path">, request: FastifyRequest): string {
  const parts = pathParts(path)
  if (!parts) return ""
  const name = pathName(request.raw.url ?? "", parts.before)
  return name.slice(0, name.length - parts.after.length)
}

/** None at all is `undefined` to the schema. */
async function bodyOf({ body, most }: Route, { request, reply, services }: Call<unknown, unknown>): Promise<unknown> {
  if (!body) return undefined
  const bounds = { ...services.limits, maxBlobSize: most ?? MOST_BYTES }
  if (declaredSize(request.raw, bounds) === 0) return parseAs("body", body, undefined)
  return readJson(request.raw, body, bounds, clientSignal(reply.raw))
}
