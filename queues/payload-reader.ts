/**
 * Reads payloads of every version that this program knows. While a pool is upgraded, one queue holds payloads of several versions: an older one is read
 * as what it was and then as each version after it, one reader a step; one that is not known here is somebody else's (decision 0009).
 */
import type * as z from "zod"
import { type ConfigIssue, toIssue } from "../src/core/config.ts"

export interface PayloadVersion<Read> {
  version: number
  /** What it looks like, made into what the next version looks like; the current one into what the program works with. */
  schema: z.ZodType<Read>
}

export type Reading<Payload> =
  | { payload: Payload }
  /** a version that is not known here, newer or older */
  | { unknown: number }
  /** nobody can do anything with it */
  | { issues: ConfigIssue[] }

export type PayloadReader<Payload> = (given: unknown) => Reading<Payload>

/** @param older in the order in which they came, without a gap */
export function payloadReader<Payload>(
  current: PayloadVersion<Payload>,
  older: readonly PayloadVersion<unknown>[] = [],
): PayloadReader<Payload> {
  return (given) => {
    const version = versionOf(given)
    const first = older.findIndex((each) => each.version === version)
    if (first < 0 && version !== current.version && version !== null) return { unknown: version }
    let payload = given
    for (const { schema } of first < 0 ? [] : older.slice(first)) {
      const read = schema.safeParse(payload)
      if (!read.success) return { issues: read.error.issues.map(toIssue) }
      payload = read.data
    }
    const { success, data, error } = current.schema.safeParse(payload)
    return success ? { payload: data } : { issues: error.issues.map(toIssue) }
  }
}

/** Null where it has none. */
function versionOf(given: unknown): number | null {
  if (typeof given !== "object" || given === null || !Object.hasOwn(given, "version")) return null
  const { version } = given as { version: unknown }
  return Number.isSafeInteger(version) && (version as number) >= 0 ? (version as number) : null
}
