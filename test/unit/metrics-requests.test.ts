/** Requests as they are counted (E13): by operation and class of status, with their time, errors by code, and how many are under way. */
import { Registry } from "prom-client"
import { expect, it, onTestFinished, vi } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import { ROUTES } from "../../src/api/routes/routes.ts"
import { RequestMetrics } from "../../src/metrics/request-metrics.ts"
import type { Store } from "../../src/store/store.ts"
import { openSocket } from "./api-server.ts"
import { mapStore } from "./map-store.ts"
import { samplesOf } from "./metrics-text.ts"

async function serve(store: Store) {
  const registry = new Registry()
  const meter = new RequestMetrics(registry)
  const app = buildApp({ store, requestMeter: () => meter })
  const url = await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  const samples = async (name: string) => samplesOf(await registry.metrics(), name)
  const inFlight = (count: number) =>
    vi.waitFor(
      async () => expect(await samples("stored_requests_in_flight")).toEqual({ stored_requests_in_flight: count }),
      20_000,
    )
  return { url, port: Number(new URL(url).port), samples, inFlight }
}

it("each request is counted once, by its operation and what came of it", async () => {
  const { url, samples, inFlight } = await serve(mapStore())
  await inFlight(0)
  const ask = async (method: string, path: string, body?: string): Promise<number> => {
    const answer = await fetch(url + path, { method, ...(body !== undefined && { body }) })
    await answer.arrayBuffer()
    return answer.status
  }
  expect(await ask("PUT", "/v1/objects/secret-1", "x")).toBe(201)
  expect(await ask("PUT", "/v1/objects/secret-2", "x")).toBe(201)
  expect(await ask("GET", "/v1/objects/secret-1")).toBe(200)
  expect(await ask("GET", "/v1/objects/absent")).toBe(404)
  expect(await ask("GET", "/v1/objects/absent-too")).toBe(404)
  expect(await ask("PUT", "/v1/objects/a%00b", "x")).toBe(400)
  expect(await ask("GET", "/nothing/secret-3")).toBe(404)
  expect(await ask("POST", "/v1/objects/secret-1")).toBe(405)
  await inFlight(0)
  expect(await samples("stored_requests_total")).toEqual({
    'stored_requests_total{operation="putObject",status="2xx"}': 2,
    'stored_requests_total{operation="putObject",status="4xx"}': 1,
    'stored_requests_total{operation="getObject",status="2xx"}': 1,
    'stored_requests_total{operation="getObject",status="4xx"}': 2,
    'stored_requests_total{operation="other",status="4xx"}': 2,
  })
  expect(await samples("stored_request_seconds_count")).toEqual({
    'stored_request_seconds_count{operation="putObject"}': 3,
    'stored_request_seconds_count{operation="getObject"}': 3,
    'stored_request_seconds_count{operation="other"}': 2,
  })
  expect(await samples("stored_request_errors_total")).toEqual({
    'stored_request_errors_total{code="NOT_FOUND"}': 2,
    'stored_request_errors_total{code="INVALID_KEY"}': 1,
  })
})

it("one that is under way is told of, and one whose client went is over", async () => {
  const asked = Promise.withResolvers<void>()
  const gone = Promise.withResolvers<null>()
  const { port, samples, inFlight } = await serve(
    mapStore({
      stat: () => {
        asked.resolve()
        return gone.promise
      },
    }),
  )
  const socket = openSocket(port)
  socket.write("GET /v1/metadata/k HTTP/1.1\r\nHost: localhost\r\n\r\n")
  await asked.promise
  await inFlight(1)
  socket.destroy()
  await inFlight(0)
  gone.resolve(null)
  expect(await samples("stored_requests_total")).toEqual({
    'stored_requests_total{operation="getMetadata",status="4xx"}': 1,
  })
})

it("operations are a closed list, each of one route and name", () => {
  const operations = ROUTES.filter(({ isImplied }) => !isImplied).map(({ operation }) => operation)
  expect(new Set(operations).size).toBe(operations.length)
  for (const operation of operations) expect(operation).toMatch(/^[a-z][A-Za-z]+$/)
})
