/**
 * The OpenAPI 3.1 document of the routes, made from the schemas that check requests: what it says is what the server does. Shapes with an id become components.
 * OpenAPI 3.1.1 (spec.openapis.org), JSON Schema 2020-12.
 */
import * as z from "zod"
import { PROBLEM_TYPE } from "./problem.ts"
import { type Answer, pathParts, queryOf, type Route, TAGS } from "./route.ts"
import { problem } from "./schemas/pieces.ts"
import { NDJSON } from "./send-lines.ts"

type JsonSchema = Record<string, unknown>
type Described = Record<string, unknown>

export interface OpenApiDocument {
  openapi: "3.1.1"
  info: { title: string; version: string; description: string; license: { name: string; identifier: string } }
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, Described>>
  components: { schemas: Record<string, JsonSchema>; securitySchemes: Record<string, Described> }
}

const DESCRIPTION = `Keeps blobs safe on local disk, carries copies to every backend, and proves where they are.

Every error is problem JSON (RFC 9457) with \`code\`, \`detail\` and \`retryable\`. A query parameter that is not known is an error, not a silent nothing.
Every GET but that of events may be asked as HEAD. A key (\`Idempotency-Key\`) is taken where a route names it, and refused elsewhere on requests that change something.
In a path the slashes of a key may be written as they are or as \`%2F\`.`

/** @param routes that are served. @param version of StoreD */
export function openApiDocument(routes: readonly Route[], version: string): OpenApiDocument {
  const schemas: Record<string, JsonSchema> = {}
  const shapes = new Shapes(schemas)
  const paths: OpenApiDocument["paths"] = {}
  for (const route of routes.filter(({ isImplied }) => !isImplied)) {
    paths[route.path] ??= {}
    paths[route.path]![route.method.toLowerCase()] = operationOf(route, shapes)
  }
  const used = new Set(routes.map(({ tag }) => tag))
  return {
    openapi: "3.1.1",
    info: {
      title: "StoreD",
      version,
      description: DESCRIPTION,
      license: { name: "MIT", identifier: "MIT" },
    },
    tags: Object.entries(TAGS)
      .filter(([name]) => used.has(name as keyof typeof TAGS))
      .map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas, securitySchemes: { token: { type: "http", scheme: "bearer" } } },
  }
}

function operationOf(route: Route, shapes: Shapes): Described {
  const { operation, tag, summary, description, policy } = route
  const body = bodyOf(route, shapes)
  const who = "open" in policy ? `Open to everybody: ${policy.why}.` : `Asks for the scope \`${policy.scope}\`.`
  return {
    operationId: operation,
    tags: [tag],
    summary,
    description: description ? `${description}\n\n${who}` : who,
    security: "open" in policy ? [] : [{ token: [] }, {}],
    parameters: [...pathParameters(route), ...queryParameters(route, shapes), ...headerParameters(route)],
    ...(body && { requestBody: body }),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.answers).map(([status, answer]) => [status, answerOf(answer, shapes)]),
      ),
      default: answerOf({ is: "Why it was not done.", type: PROBLEM_TYPE, schema: problem }, shapes),
    },
  }
}

function pathParameters({ path }: Route): Described[] {
  const parts = pathParts(path)
  return parts ? [{ name: parts.name, in: "path", required: true, schema: { type: "string" } }] : []
}

function queryParameters(route: Route, shapes: Shapes): Described[] {
  const { properties = {}, required = [] } = shapes.of(queryOf(route), "input") as {
    properties?: Record<string, JsonSchema>
    required?: string[]
  }
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: "query",
    required: required.includes(name),
    ...(description !== undefined && { description }),
    schema,
  }))
}

function headerParameters({ headers = {} }: Route): Described[] {
  return Object.entries(headers)
    .filter(([name]) => name !== "authorization" && name !== "content-type")
    .map(([name, description]) => ({ name, in: "header", description, schema: { type: "string" } }))
}

function bodyOf({ body, takesBytes }: Route, shapes: Shapes): Described | null {
  if (takesBytes) return { required: true, content: { "application/octet-stream": { schema: BINARY } } }
  if (!body) return null
  return {
    required: !body.safeParse(undefined).success,
    content: { "application/json": { schema: shapes.of(body, "input") } },
  }
}

const BINARY = { type: "string", format: "binary" }

function answerOf({ is, schema, lines, type, headers = {} }: Answer, shapes: Shapes): Described {
  const media = type ?? (schema ? "application/json" : null)
  const content = {
    ...(media && { [media]: { schema: schema ? shapes.of(schema, "output") : schemaFor(media) } }),
    ...(lines && { [NDJSON]: { schema: shapes.of(lines, "output") } }),
  }
  const notes = Object.entries(headers).map(([name, description]) => [
    name,
    { description, schema: { type: "string" } },
  ])
  return {
    description: is,
    ...(notes.length > 0 && { headers: Object.fromEntries(notes) }),
    ...(Object.keys(content).length > 0 && { content }),
  }
}

function schemaFor(media: string): JsonSchema {
  if (media === "application/json") return {}
  return media.startsWith("text/") ? { type: "string" } : BINARY
}

/** Schemas in the words of OpenAPI; those with an id are collected, and referred to. */
class Shapes {
  readonly #components: Record<string, JsonSchema>

  constructor(components: Record<string, JsonSchema>) {
    this.#components = components
  }

  of(schema: z.ZodType, io: "input" | "output"): JsonSchema {
    const {
      $schema: _,
      $defs = {},
      ...shape
    } = z.toJSONSchema(schema, {
      io,
      unrepresentable: "any",
      override: ({ zodSchema, jsonSchema }) => adapt(zodSchema, jsonSchema, io),
    })
    for (const [name, part] of Object.entries($defs)) this.#components[name] = pointed(part as JsonSchema)
    const id = shape.id as string | undefined
    if (id === undefined) return pointed(shape)
    this.#components[id] = pointed(shape)
    return { $ref: `#/components/schemas/${id}` }
  }
}

/** @param json changed in place */
function adapt(schema: z.core.$ZodType, json: JsonSchema, io: "input" | "output"): void {
  // What an answer may have beside this is nobody's error: later versions say more.
  if (io === "output" && json.additionalProperties === false) delete json.additionalProperties
  if ((json.propertyNames as JsonSchema | undefined)?.enum === undefined) delete json.propertyNames
  for (const [bound, limit] of Object.entries({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })) {
    if (json[bound] === limit) delete json[bound]
  }
  const wire = z.globalRegistry.get(schema)?.wire
  if (io === "input" && wire) {
    delete json.pattern
    delete json.enum
    Object.assign(json, wire)
  }
}

/** The same with its references to where components lie. */
function pointed(schema: JsonSchema): JsonSchema {
  const text = JSON.stringify(schema, (name, value: unknown) =>
    (name === "id" && typeof value === "string") || name === "wire" ? undefined : value,
  )
  return JSON.parse(text.replaceAll('"#/$defs/', '"#/components/schemas/')) as JsonSchema
}
