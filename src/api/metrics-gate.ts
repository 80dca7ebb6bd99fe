/**
 * Who may read `/metrics`: on a loopback address everybody who reaches it, unless a token was set for metrics; elsewhere only who bears that token or the
 * administrator's.
 */
import type { Server } from "node:http"
import { isIPv6 } from "node:net"
import { bearsToken } from "../core/bearer.ts"
import { send } from "./error-answer.ts"
import { httpProblem } from "./problem.ts"
import type { Gate } from "./worker-auth.ts"

export interface MetricsTokens {
  metrics: string | null
  admin: string | null
}

const RULE =
  "Metrics are for whoever bears STORED_METRICS_TOKEN or STORED_ADMIN_TOKEN; set one of them for the server and send it as a bearer token."

export function metricsGate(server: Server, { metrics, admin }: MetricsTokens): Gate {
  const tokens = [metrics, admin].filter((token) => token !== null)
  return async (request, reply) => {
    // Whoever sets a token for metrics means it, also behind a proxy on the same host.
    if (metrics === null && isLoopback(server)) return
    if (bearsToken(request.headers.authorization, tokens)) return
    reply.header("www-authenticate", "Bearer")
    send(reply, httpProblem(401, RULE))
    return reply
  }
}

/** Whether it can only be reached from its own host, as far as its address says. */
function isLoopback(server: Server): boolean {
  const bound = server.address()
  if (bound === null || typeof bound === "string") return false
  return isIPv6(bound.address) ? bound.address === "::1" : bound.address.startsWith("127.")
}
