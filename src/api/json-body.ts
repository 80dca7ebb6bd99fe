/** A body of JSON, bounded and checked by a schema. Only workers send such. */
import type { IncomingMessage } from "node:http"
import type * as z from "zod"
import { toIssue } from "../core/config.ts"
import { StoredError, throwIfAborted } from "../core/error.ts"
import { type BodyLimits, declaredSize, uploadBody } from "./upload-body.ts"

/** Of hundreds of mistakes the first few tell what is wrong. */
const SHOWN_ISSUES = 20

/** @throws StoredError TOO_LARGE, INVALID_INPUT with `details.issues`, SOURCE_FAILED (silent client), ABORTED (client gone, or `signal`) */
export async function readJson<Schema extends z.ZodType>(
  request: IncomingMessage,
  schema: Schema,
  limits: BodyLimits,
  signal: AbortSignal,
): Promise<z.output<Schema>> {
  declaredSize(request, limits)
  const body = uploadBody(request, limits)
  const end = (): void => void body.destroy(new StoredError("ABORTED", "The body did not arrive in time."))
  signal.addEventListener("abort", end, { once: true })
  const chunks: Buffer[] = []
  try {
    for await (const chunk of body) chunks.push(chunk as Buffer)
  } catch (error) {
    throwIfAborted(signal)
    throw error
  } finally {
    signal.removeEventListener("abort", end)
  }
  return check(Buffer.concat(chunks), schema)
}

function check<Schema extends z.ZodType>(bytes: Buffer, schema: Schema): z.output<Schema> {
  const result = parse(bytes, schema)
  if (result.success) return result.data
  const issues = result.error.issues.slice(0, SHOWN_ISSUES).map(toIssue)
  const lines = issues.map(({ path, message }) => (path ? `${path}: ${message}` : message))
  throw new StoredError("INVALID_INPUT", `Invalid message: ${lines.join("; ")}.`, { details: { issues } })
}

function parse<Schema extends z.ZodType>(bytes: Buffer, schema: Schema): z.ZodSafeParseResult<z.output<Schema>> {
  try {
    return schema.safeParse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)))
  } catch (cause) {
    // Nested too deeply for a check that calls itself, or no JSON at all.
    const reason = cause instanceof RangeError ? "is nested too deeply" : "is not JSON in UTF-8"
    throw new StoredError("INVALID_INPUT", `Invalid message: it ${reason}.`, { cause })
  }
}
