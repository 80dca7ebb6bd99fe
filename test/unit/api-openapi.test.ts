/** The document of the API: made from what the server does, whole, and true. */
import { describe, expect, it } from "vitest"
import type * as z from "zod"
import { buildApp } from "../../src/api/app.ts"
import { openApiDocument } from "../../src/api/openapi.ts"
import { ROUTES } from "../../src/api/routes/routes.ts"
import { put } from "./api-requests.ts"
import { listen } from "./api-server.ts"
import { mapStore } from "./map-store.ts"

const document = openApiDocument(ROUTES, "1.2.3")
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
)

describe("the OpenAPI document", () => {
  it("has every route once, under a name of its own", () => {
    expect(operations).toHaveLength(ROUTES.filter(({ isImplied }) => !isImplied).length)
    const names = operations.map(({ operation }) => operation.operationId)
    expect(new Set(names).size).toBe(names.length)
  })

  it("refers to nothing that is not there", () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]!)
    expect(references.length).toBeGreaterThan(20)
    const known = new Set(Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`))
    expect(references.filter((reference) => !known.has(reference))).toEqual([])
    expect(JSON.stringify(document)).not.toContain("$defs")
  })

  it("tells who may use a route, and what is wrong where something is", () => {
    for (const { operation, path } of operations) {
      expect(String(operation.description), path).toMatch(
        /Asks for the scope `(read|write|admin)`\.$|Open to everybody: .+\.$/,
      )
      expect(operation.responses, path).toHaveProperty("default")
    }
  })

  it("names parameters as the server takes them", () => {
    const { parameters } = document.paths["/v1/objects"]!.get as { parameters: { name: string; schema: unknown }[] }
    expect(parameters.map(({ name }) => name)).toEqual([
      "prefix",
      "backend",
      "limit",
      "cursor",
      "after",
      "format",
      "accept",
    ])
    expect(parameters[2]!.schema).toMatchObject({ type: "integer", minimum: 1 })
  })

  it("promises no type of what was put: that may be any", () => {
    for (const path of ["/v1/objects/{key}", "/v1/blobs/{id}"]) {
      const { responses } = document.paths[path]!.get as { responses: Record<string, { content: object }> }
      const binary = { "*/*": { schema: { type: "string", format: "binary" } } }
      expect([responses[200]!.content, responses[206]!.content], path).toEqual([binary, binary])
    }
  })

  it("names lines of JSON beside one JSON value, where both are served", () => {
    for (const [path, method, shape] of [
      ["/v1/objects", "get", "ListedObject"],
      ["/v1/copy", "post", "CopiedEntry"],
      ["/v1/move", "post", "CopiedEntry"],
    ] as const) {
      const { responses } = document.paths[path]![method] as { responses: Record<string, { content: object }> }
      expect(Object.keys(responses[200]!.content), path).toEqual(["application/json", "application/x-ndjson"])
      expect(responses[200]!.content, path).toMatchObject({
        "application/x-ndjson": { schema: { $ref: `#/components/schemas/${shape}` } },
      })
    }
  })

  it("describes answers as they are", async () => {
    const server = await listen(mapStore())
    const stored = await put(server, "a/b.txt")
    const shapes = {
      putObject: await stored.json(),
      getMetadata: await (await fetch(`${server.url}/v1/metadata/a/b.txt`)).json(),
      listObjects: await (await fetch(`${server.url}/v1/objects`)).json(),
      deleteObject: await (await fetch(`${server.url}/v1/objects/a/b.txt`, { method: "DELETE" })).json(),
    }
    for (const [name, answer] of Object.entries(shapes)) {
      const route = ROUTES.find(({ operation }) => operation === name)!
      const schema = Object.values(route.answers).find((each) => each.schema)!.schema as z.ZodObject
      expect(schema.strict().parse(answer), name).toEqual(answer)
    }
  })
})

describe("a server that shows it", () => {
  it("serves the document and a page of it, with nothing from elsewhere", async () => {
    const app = buildApp({ store: mapStore(), docs: "1.2.3" })
    const json = await app.inject({ url: "/openapi.json" })
    expect(json.json()).toEqual(JSON.parse(JSON.stringify(document)))
    const page = await app.inject({ url: "/docs" })
    expect([page.statusCode, page.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"])
    expect(page.headers["content-security-policy"]).toContain("default-src 'self'")
    expect(page.body).not.toMatch(/(src|href)="https?:/)
    await app.close()
  })

  it("is not built where a route does not say who may use it", async () => {
    const app = buildApp({ store: mapStore() })
    app.get("/v1/forgotten", async () => ({}))
    await expect(app.ready()).rejects.toThrow("These routes do not say who may use them: GET /v1/forgotten.")
  })
})
