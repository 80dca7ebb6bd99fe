/** Query parameters, checked by a schema: an unknown or repeated one is an error, not a silent nothing. */
import * as z from "zod"
import { toIssue } from "../core/config.ts"
import { StoredError } from "../core/error.ts"

/** @throws StoredError INVALID_INPUT, `details.issues` has `{ path, message }` */
export function parseQuery<Schema extends z.ZodType>(schema: Schema, query: unknown): z.output<Schema> {
  const result = schema.safeParse(query)
  if (result.success) return result.data
  const issues = result.error.issues.map(toIssue)
  const lines = issues.map((issue) => (issue.path ? `${issue.path}: ${issue.message}` : issue.message))
  throw new StoredError("INVALID_INPUT", `Invalid query: ${lines.join("; ")}.`, { details: { issues } })
}

/** `true`, `1` or nothing after the name is yes. */
export const flag = z.enum(["true", "1", "", "false", "0"]).transform((text) => text !== "false" && text !== "0")
