/** A server with every route of the table, those of workers too, over any store; ended with the test. */
import { onTestFinished } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import type { ApiLimits } from "../../src/api/limits.ts"
import type { Store } from "../../src/store/store.ts"
import { TestDesk, TOKEN } from "./worker-desk.ts"

/** @returns its port */
export async function listenEverywhere(store: Store, limits: Partial<ApiLimits>): Promise<number> {
  const app = buildApp({
    store,
    limits: { lingerTime: 50, ...limits },
    internal: {
      token: TOKEN,
      services: () => ({
        desk: new TestDesk(),
        content: async () => Promise.reject(new Error("nothing")),
        suspect: async () => {},
      }),
    },
  })
  await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  return (app.server.address() as { port: number }).port
}
