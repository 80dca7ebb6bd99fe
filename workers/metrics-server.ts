/** A worker's own door for Prometheus: `GET /metrics`, and nothing else. It is there only where it was asked for, and for this host alone unless more was. */
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { bearsToken } from "../src/core/bearer.ts"
import { StoredError } from "../src/core/error.ts"
import type { Log } from "../src/store/log.ts"

export interface MetricsAddress {
  host: string
  /** 0 takes any free port */
  port: number
  /** what a reader must bear; null: nothing; never shown */
  token: string | null
}

export interface MetricsServerOptions extends MetricsAddress {
  /** what is told */
  text(): Promise<string>
  /** of the text */
  type: string
  log: Log
}

export interface MetricsServer {
  /** where it is read */
  url: string
  close(): Promise<void>
}

/** @throws StoredError INVALID_INPUT: the address cannot be used */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const { host, port, log } = options
  const server = createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      log.error({ err: error }, "metrics could not be told")
      response.writeHead(500).end()
    })
  })
  server.listen(port, host)
  try {
    await once(server, "listening")
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
    const reason = code === "EADDRINUSE" ? "another process has it" : code
    throw new StoredError(
      "INVALID_INPUT",
      `Metrics cannot be served on ${host}:${port} (${reason}); choose another STORED_METRICS_HOST or STORED_METRICS_PORT.`,
      { cause },
    )
  }
  const { address, family, port: real } = server.address() as { address: string; family: string; port: number }
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${real}/metrics`,
    close: async () => {
      const closed = once(server, "close")
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(
  { token, text, type }: MetricsServerOptions,
  { url, method, headers }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (url?.replace(/\?.*$/s, "") !== "/metrics") response.writeHead(404).end()
  else if (method !== "GET") response.writeHead(405, { allow: "GET" }).end()
  else if (token !== null && !bearsToken(headers.authorization, [token]))
    response.writeHead(401, { "www-authenticate": "Bearer" }).end()
  else {
    const body = await text()
    response.writeHead(200, { "content-type": type, "cache-control": "no-store" }).end(body)
  }
}
