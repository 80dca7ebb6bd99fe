/**
 * Who may read `/metrics`: whoever bears the token for metrics, the administrator's, or one with the scope `admin`; and everybody on a loopback address, while the server asks nobody for a token and
 * none was set for metrics.
 */
import type { Server } from "node:http"
import { isIPv6 } from "node:net"
import { authorise, METER } from "../core/access.ts"
import { isStoredError } from "../core/error.ts"
import { callerOf } from "./access/caller.ts"
import { answerRefusal, type Doorkeeper, turnAway } from "./access/closed-door.ts"
import { keepAccess } from "./access/request-access.ts"
import type { Gate } from "./worker-auth.ts"

export interface MetricsTokens {
  metrics: string | null
  admin: string | null
}

const RULE =
  "Metrics are for whoever bears STORED_METRICS_TOKEN or STORED_ADMIN_TOKEN; set one of them for the server and send it as a bearer token."

/** @param token for metrics; null: none was set */
export function metricsGate(server: Server, token: string | null, door: Doorkeeper): Gate {
  const { keeper, audit } = door
  return async (request, reply) => {
    const caller = callerOf(request)
    if (token !== null && keeper.bears(caller, token)) {
      keepAccess(request, METER)
      audit.allowed(request, METER)
      return undefined
    }
    // Whoever sets a token for metrics means it. Where others are asked for one, a proxy on the same host may stand before it.
    if (keeper.isOpen) {
      if (token === null && isLoopback(server)) return undefined
      return turnAway(door, request, reply, RULE)
    }
    try {
      const access = keeper.admit(caller)
      keepAccess(request, access)
      authorise(access, { scope: "admin" })
      audit.allowed(request, access)
      return undefined
    } catch (error) {
      if (isStoredError(error) && error.code === "UNAUTHENTICATED")
        return answerRefusal(audit, request, reply, RULE, error)
      throw error
    }
  }
}

/** Whether it can only be reached from its own host, as far as its address says. */
function isLoopback(server: Server): boolean {
  const bound = server.address()
  if (bound === null || typeof bound === "string") return false
  return isIPv6(bound.address) ? bound.address === "::1" : bound.address.startsWith("127.")
}
