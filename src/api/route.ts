/**
 * A route as data: where it is, who may use it, what it takes and answers, and the function that does it. One list of them (`routes/routes.ts`) makes the server,
 * what it says to a wrong method, the OpenAPI document, and the tests of who may do what.
 */
import type { FastifyReply, FastifyRequest } from "fastify"
import * as z from "zod"
import type { Access } from "../core/access.ts"
import type { EventSocket } from "./event-socket.ts"
import type { Policy } from "./policy.ts"
import type { ApiServices } from "./services.ts"

export type Method = "GET" | "HEAD" | "PUT" | "POST" | "DELETE"

export const TAGS = {
  objects: "Objects: bytes under a key",
  blobs: "Blobs: bytes by their checksum",
  backends: "Backends: where copies are",
  scans: "Scans: what lies at backends already",
  events: "What happens, and what has happened",
  jobs: "Jobs: copies that are on their way",
  access: "Tokens: who may do what",
  cache: "Staging: bytes on the server's own disk",
  service: "The service itself",
  internal: "For workers",
} as const
export type Tag = keyof typeof TAGS

/** One call of a route. */
export interface Call<Query, Body> {
  services: ApiServices
  request: FastifyRequest
  reply: FastifyReply
  /** who it is from, and what they may do: the policy was asked already, of what the path names */
  access: Access
  /** what the path names, decoded once; empty where it names nothing */
  name: string
  query: Query
  /** Reads and checks the body. @throws StoredError INVALID_INPUT, TOO_LARGE, SOURCE_FAILED, ABORTED */
  body(): Promise<Body>
  /** fires when the server begins to close: whoever waits for something would otherwise hold it up */
  closing: AbortSignal
}

/** One that became a WebSocket: there is nothing to answer any more. */
export type SocketCall<Query> = Omit<Call<Query, never>, "reply" | "body">

/** What a route answers under one status. */
export interface Answer {
  /** a sentence for the document */
  is: string
  /** JSON of this shape; absent: `type`, or no body */
  schema?: z.ZodType
  /** or lines of JSON of this shape (`application/x-ndjson`), where the request asks for them */
  lines?: z.ZodType
  /** media type of a body that is not one JSON value */
  type?: string
  /** headers that are worth a word */
  headers?: Record<string, string>
}

/** Headers that a route understands, each with a sentence. */
export type HeaderNotes = Record<string, string>

export interface Route<Query extends z.ZodType = z.ZodType, Body extends z.ZodType = z.ZodType> {
  method: Method
  /** as OpenAPI writes it, at most one name in it: `/v1/objects/{key}`. A name at the end takes the slashes of the rest. */
  path: string
  /** unique, a verb and its noun: what generated clients call it */
  operation: string
  tag: Tag
  /** one sentence */
  summary: string
  /** what else there is to know */
  description?: string
  policy: Policy
  query?: Query
  headers?: HeaderNotes
  /** JSON of this shape, at most `most` bytes (64 KiB) */
  body?: Body
  most?: number
  /** the body is any bytes */
  takesBytes?: true
  answers: Record<number, Answer>
  /** the HEAD of a GET that has none of its own, which the document need not name */
  isImplied?: true
  handle(call: Call<z.output<Query>, z.output<Body>>): unknown
  /** what is done where the request asks for a WebSocket instead */
  socket?(call: SocketCall<z.output<Query>>, socket: EventSocket): void
}

/** Checks a declaration by its types, and forgets those of its query and body. */
export function route<Query extends z.ZodType = z.ZodType<Record<string, never>>, Body extends z.ZodType = z.ZodType>(
  declaration: Route<Query, Body>,
): Route {
  return declaration
}

const NO_QUERY = z.strictObject({})

/** The schema of a route's query; one that takes none refuses what is given. */
export function queryOf(declared: Route): z.ZodType {
  return declared.query ?? NO_QUERY
}

/** The name in a route's path, `key` in `/v1/objects/{key}`, with what stands around it; null where there is none. */
export function pathParts(path: string): { before: string; name: string; after: string } | null {
  const match = /^([^{]*)\{(\w+)\}(.*)$/.exec(path)
  return match ? { before: match[1]!, name: match[2]!, after: match[3]! } : null
}
