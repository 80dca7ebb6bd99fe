/** Every route for workers, as a visible list, behind the worker token. Without a token none of them is there. */
import type { FastifyInstance } from "fastify"
import type { InternalServices } from "../internal-services.ts"
import type { ApiServices } from "../services.ts"
import { requireToken } from "../worker-auth.ts"
import { internalConfiguration } from "./internal-configuration.ts"
import { internalContent } from "./internal-content.ts"
import { internalExchange } from "./internal-exchange.ts"
import { internalSuspect } from "./internal-suspect.ts"

export interface InternalRouteServices extends Pick<ApiServices, "log" | "limits"> {
  /** asked anew for each request: it throws CLOSED while the store is starting */
  readonly internal: InternalServices
}

const INTERNAL_ROUTES: readonly ((app: FastifyInstance, services: InternalRouteServices) => void)[] = [
  internalConfiguration,
  internalExchange,
  internalContent,
  internalSuspect,
]

export function mountInternal(app: FastifyInstance, token: string, services: InternalRouteServices): void {
  app.register(async (scope) => {
    scope.addHook("onRequest", requireToken(token))
    for (const route of INTERNAL_ROUTES) route(scope, services)
  })
}
