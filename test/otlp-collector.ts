/** A collector for one test: takes OTLP over HTTP in its JSON form, and gives what came as plain spans. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import { onTestFinished } from "vitest"

export interface CollectedSpan {
  /** `service.name` of the process that made it */
  service: string
  traceId: string
  spanId: string
  /** empty: it is the first of its trace */
  parentSpanId: string
  name: string
  /** of OTLP: 1 internal, 2 server, 3 client, 5 consumer */
  kind: number
  attributes: Record<string, string | number | boolean>
  failed: boolean
}

export interface Collector {
  url: string
  spans(): CollectedSpan[]
  /** everything that came, as it came */
  raw(): string
}

interface Value {
  stringValue?: string
  intValue?: string | number
  doubleValue?: number
  boolValue?: boolean
}
type Pairs = { key: string; value: Value }[]
interface Sent {
  resourceSpans: {
    resource: { attributes: Pairs }
    scopeSpans: {
      spans: {
        traceId: string
        spanId: string
        parentSpanId?: string
        name: string
        kind: number
        attributes?: Pairs
        status?: { code?: number }
      }[]
    }[]
  }[]
}

export async function startCollector(): Promise<Collector> {
  const bodies: string[] = []
  const server = createServer(async (request, response) => {
    if (request.method === "POST" && request.url === "/v1/traces") bodies.push(await text(request))
    else response.statusCode = 404
    response.setHeader("content-type", "application/json").end("{}")
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    spans: () => bodies.flatMap((body) => spansOf(JSON.parse(body) as Sent)),
    raw: () => bodies.join("\n"),
  }
}

function spansOf({ resourceSpans }: Sent): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ traceId, spanId, parentSpanId = "", name, kind, attributes = [], status }) => ({
        service: String(plain(resource.attributes)["service.name"]),
        ...{ traceId, spanId, parentSpanId, name, kind, attributes: plain(attributes), failed: status?.code === 2 },
      })),
    ),
  )
}

function plain(pairs: Pairs): CollectedSpan["attributes"] {
  return Object.fromEntries(
    pairs.map(({ key, value: { stringValue, intValue, doubleValue, boolValue } }) => [
      key,
      stringValue ?? (intValue === undefined ? undefined : Number(intValue)) ?? doubleValue ?? boolValue ?? "",
    ]),
  )
}
