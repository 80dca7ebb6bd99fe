/** Who is let through to a route, by its policy: the hook that every route has before anything of its body is read. */
import type { Server } from "node:http"
import { type RouteGateOptions, routeGate } from "./access/route-gate.ts"
import { type MetricsTokens, metricsGate } from "./metrics-gate.ts"
import type { Route } from "./route.ts"
import { type Gate, requireToken } from "./worker-auth.ts"

export interface GateOptions extends RouteGateOptions {
  server: Server
  /** what workers must send */
  workerToken?: string | undefined
  metricsTokens?: MetricsTokens | undefined
}

export function gateOf(route: Route, options: GateOptions): Gate | null {
  const { policy } = route
  if ("open" in policy) return null
  const { server, workerToken, metricsTokens } = options
  if (policy.scope === "metrics") return metricsGate(server, metricsTokens?.metrics ?? null, options)
  if (policy.scope === "worker" && workerToken !== undefined)
    return requireToken(workerToken, routeGate(route, policy, options), options)
  return routeGate(route, policy, options)
}
