/**
 * Where in a request a text may stand that names something: the end of a path, a parameter, a field of the body. Made from the table that makes the server, so that a route that is added has its places tried too.
 */
import * as z from "zod"
import { pathParts, queryOf, type Route } from "../../src/api/route.ts"
import { INTERNAL_ROUTES, ROUTES } from "../../src/api/routes/routes.ts"

export const PUBLIC_ROUTES = ROUTES
export const EVERY_ROUTE = [...ROUTES, ...INTERNAL_ROUTES]

export interface Place {
  /** such as `POST /v1/copy body.from` */
  what: string
  route: Route
  kind: "path" | "query" | "body"
  /** path, query and body with the text there. @param text percent-encoded, as it goes over the wire */
  fill(text: string): { target: string; body: string | null }
}

interface JsonSchema {
  type?: string
  properties?: Record<string, JsonSchema>
  required?: string[]
  items?: JsonSchema
  enum?: unknown[]
  const?: unknown
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
  pattern?: string
  minimum?: number
}

/** Settings of backends are the administrator's: where one may be is not said by its key (decision 0014). */
const FIXED_BODIES: Record<string, string> = { putBackend: '{"driver":"memory"}' }
/** Bodies that are JSON though the table says bytes. */
const MESSAGES: Record<string, (text: string) => string> = {
  notify: (text) => JSON.stringify({ Records: [{ eventName: "ObjectCreated:Put", s3: { object: { key: text } } }] }),
}

export function placesOf(route: Route): Place[] {
  return [...pathPlaces(route), ...queryPlaces(route), ...bodyPlaces(route)]
}

/** A body and a query that are good enough to get a request to its route. */
function plainQuery(route: Route): Record<string, unknown> {
  return asRecord(sampleOf(schemaOf(queryOf(route))))
}

export function plainBody(route: Route): string | null {
  const fixed = FIXED_BODIES[route.operation] ?? MESSAGES[route.operation]?.("a")
  if (fixed !== undefined) return fixed
  if (route.takesBytes) return "x"
  return route.body ? JSON.stringify(sampleOf(schemaOf(route.body))) : null
}

/** The target of a request that gets to its route. */
export function plainTarget(route: Route, name = "a"): string {
  const parts = pathParts(route.path)
  return (parts ? parts.before + name + parts.after : route.path) + asQuery(plainQuery(route))
}

function pathPlaces(route: Route): Place[] {
  const parts = pathParts(route.path)
  if (!parts) return []
  const fill = (text: string) => ({ target: plainTarget(route, text), body: plainBody(route) })
  return [{ what: `${route.method} ${route.path}`, route, kind: "path", fill }]
}

function queryPlaces(route: Route): Place[] {
  return textsOf(schemaOf(queryOf(route))).map(({ path, put }) => ({
    what: `${route.method} ${route.path} query.${path}`,
    route,
    kind: "query",
    fill: (text) => {
      const parts = pathParts(route.path)
      const own = parts ? `${parts.before}a${parts.after}` : route.path
      return { target: own + asQuery(asRecord(put(RAW(text)))), body: plainBody(route) }
    },
  }))
}

function bodyPlaces(route: Route): Place[] {
  const what = `${route.method} ${route.path} body`
  const message = MESSAGES[route.operation]
  const target = plainTarget(route)
  if (message) return [{ what, route, kind: "body", fill: (text) => ({ target, body: message(decoded(text)) }) }]
  if (!route.body || route.operation in FIXED_BODIES) return []
  return textsOf(schemaOf(route.body)).map(({ path, put }) => ({
    what: `${what}.${path}`,
    route,
    kind: "body",
    fill: (text) => ({ target, body: JSON.stringify(put(decoded(text))) }),
  }))
}

/** What a text means that was percent-encoded; itself where it means nothing. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** A text that stands in a query as it is. */
class Raw {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}
const RAW = (text: string): Raw => new Raw(text)

function asQuery(record: Record<string, unknown>): string {
  const pairs = Object.entries(record).map(
    ([name, value]) => `${name}=${value instanceof Raw ? value.text : encodeURIComponent(String(value))}`,
  )
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`
}

function schemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
}

/** The smallest value that is likely to be good. */
function sampleOf(schema: JsonSchema): unknown {
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return schema.enum[0]
  const [choice] = schema.anyOf ?? schema.oneOf ?? []
  if (choice) return sampleOf(choice)
  if (schema.type === "object")
    return Object.fromEntries((schema.required ?? []).map((name) => [name, sampleOf(schema.properties?.[name] ?? {})]))
  if (schema.type === "array") return [sampleOf(schema.items ?? {})]
  if (schema.type === "integer" || schema.type === "number") return Math.max(1, schema.minimum ?? 1)
  if (schema.type === "boolean") return true
  return schema.pattern?.includes("\\d") ? "1" : "a"
}

interface Text {
  path: string
  /** the whole value with something there */
  put(text: unknown): unknown
}

/** Every text in values of a schema that is not one of a few. */
function textsOf(schema: JsonSchema): Text[] {
  if (schema.const !== undefined || schema.enum) return []
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return choices.flatMap(textsOf)
  if (schema.type === "string") return [{ path: "", put: (text) => text }]
  if (schema.type === "array")
    return textsOf(schema.items ?? {}).map(({ path, put }) => ({ path: `[]${path}`, put: (text) => [put(text)] }))
  if (schema.type !== "object") return []
  const sample = asRecord(sampleOf(schema))
  return Object.entries(schema.properties ?? {}).flatMap(([name, own]) =>
    textsOf(own).map(({ path, put }) => ({
      path: path === "" || path.startsWith("[") ? name + path : `${name}.${path}`,
      put: (text: unknown) => ({ ...sample, [name]: put(text) }),
    })),
  )
}
