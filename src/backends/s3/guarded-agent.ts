/** Connections that go only where backends may be: the address itself is looked at each time, whatever a name led to before. */
import http from "node:http"
import https from "node:https"
import type { Endpoints } from "../../core/endpoints.ts"
import { isStoredError } from "../../core/error.ts"
import type { Agents } from "./exchange.ts"

export function guardedAgents(endpoints: Endpoints, options: http.AgentOptions): Agents {
  return {
    http: guarded(new http.Agent(options), endpoints),
    https: guarded(new https.Agent(options), endpoints),
  }
}

function guarded<Kind extends http.Agent>(agent: Kind, endpoints: Endpoints): Kind {
  const connect = agent.createConnection.bind(agent)
  agent.createConnection = (options, done) => {
    try {
      // An address that is no name is never looked up.
      endpoints.requireHost(options.host ?? "")
    } catch (error) {
      if (!isStoredError(error)) throw error
      process.nextTick(() => done?.(error, undefined as never))
      return undefined
    }
    return connect({ ...options, lookup: endpoints.lookup }, done)
  }
  return agent
}
