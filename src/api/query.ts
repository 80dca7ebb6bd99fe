/** What a request says beside its bytes, checked by a schema: an unknown or repeated parameter is an error, not a silent nothing. */
import * as z from "zod"
import { toIssue } from "../core/config.ts"
import { StoredError } from "../core/error.ts"

declare module "zod" {
  interface GlobalMeta {
    /** how a parameter that comes as text is meant, for the OpenAPI document */
    wire?: Record<string, unknown>
  }
}

/** @throws StoredError INVALID_INPUT, `details.issues` has `{ path, message }` */
export function parseQuery<Schema extends z.ZodType>(schema: Schema, query: unknown): z.output<Schema> {
  return parseAs("query", schema, query)
}

/** @param what the part of the request, for the sentence. @throws StoredError INVALID_INPUT, `details.issues` has `{ path, message }` */
export function parseAs<Schema extends z.ZodType>(what: string, schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issues = result.error.issues.map(toIssue)
  const lines = issues.map((issue) => (issue.path ? `${issue.path}: ${issue.message}` : issue.message))
  throw new StoredError("INVALID_INPUT", `Invalid ${what}: ${lines.join("; ")}.`, { details: { issues } })
}

/** `true`, `1` or nothing after the name is yes. */
export const flag = z
  .enum(["true", "1", "", "false", "0"])
  .transform((text) => text !== "false" && text !== "0")
  .meta({ wire: { type: "boolean" } })

/** A whole number in digits: `Number` alone would take "" for 0. */
export function whole(least: number, most: number = Number.MAX_SAFE_INTEGER) {
  return z
    .string()
    .regex(/^\d+$/, "expected a whole number")
    .transform(Number)
    .pipe(z.int().min(least).max(most))
    .meta({ wire: { type: "integer", minimum: least, ...(most < Number.MAX_SAFE_INTEGER && { maximum: most }) } })
}
