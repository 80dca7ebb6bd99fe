/** Who is let through to a route, by its policy: the hook that every route has before anything of its body is read. */
import type { Server } from "node:http"
import { requireAdmin } from "./admin-auth.ts"
import { type MetricsTokens, metricsGate } from "./metrics-gate.ts"
import type { Route } from "./route.ts"
import { type Gate, requireToken } from "./worker-auth.ts"

export interface GateOptions {
  server: Server
  /** what must be sent to see and change backends; absent: nothing need be */
  adminToken?: string | undefined
  /** what workers must send */
  workerToken?: string | undefined
  metricsTokens?: MetricsTokens | undefined
}

export function gateOf(
  { policy, path }: Route,
  { server, adminToken, workerToken, metricsTokens }: GateOptions,
): Gate | null {
  if ("open" in policy) return null
  if (policy.scope === "worker") return requireToken(workerToken ?? "")
  if (policy.scope === "metrics") return metricsGate(server, metricsTokens ?? { metrics: null, admin: null })
  if (path.startsWith("/v1/backends") && adminToken) return requireAdmin(adminToken)
  return null
}
