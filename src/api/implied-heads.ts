/**
 * HEAD for every GET that has none of its own: the same answer without its body, for monitors and caches that ask so. A stream of events has no end that could be told of, and none.
 */
import { Readable } from "node:stream"
import type { FastifyReply, FastifyRequest } from "fastify"
import type { Route } from "./route.ts"

export function withHeads(routes: readonly Route[]): readonly Route[] {
  const own = new Set(routes.filter(({ method }) => method === "HEAD").map(({ path }) => path))
  return routes.flatMap((route) => {
    if (route.method !== "GET" || route.socket || own.has(route.path)) return [route]
    return [route, { ...route, method: "HEAD", isImplied: true } as const]
  })
}

/** The body that nobody is sent is not made either, where it would come piece by piece. */
export async function withoutStream(
  _request: FastifyRequest,
  _reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  if (!(payload instanceof Readable)) return payload
  payload.destroy()
  return null
}
