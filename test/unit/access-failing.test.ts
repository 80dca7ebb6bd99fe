/** Whoever cannot be asked about lets nobody in: tokens that cannot be read, a store that is not there yet, and one that goes while a request is on its way. */
import { expect, it, onTestFinished } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import { pathParts, type Route } from "../../src/api/route.ts"
import { INTERNAL_ROUTES, ROUTES } from "../../src/api/routes/routes.ts"
import { StoredError } from "../../src/core/error.ts"
import type { Store } from "../../src/store/store.ts"
import { mapStore } from "./map-store.ts"

const GUARDED = [...ROUTES, ...INTERNAL_ROUTES].filter(({ policy }) => !("open" in policy))

/** @param verify what is done when a token is looked at, or it is asked whether there is any */
async function serve(verify: () => never): Promise<{ ask(route: Route): Promise<number>; done: string[] }> {
  const done: string[] = []
  const known: Record<string, unknown> = { tokens: { isEmpty: verify, verify }, status: () => mapStore().status() }
  const store = new Proxy(known as unknown as Store, {
    get: (target, verb) => Reflect.get(target, verb) ?? (() => done.push(String(verb))),
  })
  const internal = {
    token: "the-token-of-the-workers",
    services: () => {
      done.push("internal")
      throw new Error("was let through")
    },
  }
  const app = buildApp({ store, internal })
  const url = await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  const ask = async ({ method, path }: Route): Promise<number> => {
    const parts = pathParts(path)
    const target = parts ? `${parts.before}a${parts.after}` : path
    const headers = { authorization: `Bearer 0123456789ab.${"x".repeat(43)}` }
    const answer = await fetch(url + target, { method, headers })
    await answer.body?.cancel()
    return answer.status
  }
  return { ask, done }
}

it.each<[string, number[], () => never]>([
  [
    "a store that is not open",
    [503, 401],
    () => {
      throw new StoredError("CLOSED", "The store is closed.", { retryable: true })
    },
  ],
  [
    "tokens that cannot be read",
    [500, 401],
    () => {
      throw new StoredError("CATALOG_CORRUPT", "A row does not have its checksum.")
    },
  ],
  [
    "a fault that nobody thought of",
    [500, 401],
    () => {
      throw new TypeError("undefined is not a function")
    },
  ],
])("%s lets nobody through to any route", async (_what, statuses, verify) => {
  const { ask, done } = await serve(verify)
  for (const route of GUARDED) expect(statuses, `${route.method} ${route.path}`).toContain(await ask(route))
  expect(done).toEqual([])
})
