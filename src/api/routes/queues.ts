/** `GET /queues`: Bull Board, which shows what lies in Redis now, for administrators. Its library is loaded only where it is mounted. */
import type { FastifyInstance } from "fastify"
import type { Doorkeeper } from "../access/closed-door.ts"
import { adminGate } from "../admin-gate.ts"

export const QUEUES_PATH = "/queues"

/** Queues as the board's library takes them; only the composition knows what they are. */
export type BoardAdapters = Parameters<typeof import("@bull-board/api").createBullBoard>[0]["queues"]

export interface BoardOptions {
  /** the administrator's */
  token: string
  /** asked anew for each request: it throws CLOSED while the store is starting */
  queues(): BoardAdapters
}

export function mountQueues(app: FastifyInstance, { token, queues }: BoardOptions, door: Doorkeeper): void {
  app.register(async (scope) => {
    // The board adds routes of its own: whoever comes to one has passed the gate below.
    scope.addHook("onRoute", (route) => {
      route.config = { ...route.config, policy: { scope: "admin", on: "whole" } }
    })
    const { createBullBoard } = await import("@bull-board/api")
    const { FastifyAdapter } = await import("@bull-board/fastify")
    const serverAdapter = new FastifyAdapter().setBasePath(QUEUES_PATH)
    const uiConfig = { boardTitle: "StoreD" }
    const { replaceQueues } = createBullBoard({ queues: [], serverAdapter, options: { uiConfig } })
    scope.addHook("onRequest", adminGate(token, QUEUES_PATH, door))
    scope.addHook("preHandler", async () => replaceQueues(queues()))
    await scope.register(serverAdapter.registerPlugin(), { prefix: QUEUES_PATH })
  })
}
