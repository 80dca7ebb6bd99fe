/** `why` over the wire. */
import { checkOptions } from "../store/check-options.ts"
import type { Why, WhyOptions } from "../store/store.ts"
import { LONG } from "./deadline.ts"
import type { Link } from "./link.ts"
import { encodeName } from "./path.ts"

/** @throws StoredError NOT_FOUND, INVALID_KEY, ABORTED */
export async function why(link: Link, idOrKey: string, options: WhyOptions = {}): Promise<Why> {
  const { depth, all, signal } = checkOptions("why", options)
  return link.json<Why>({
    path: `/v1/why/${encodeName(idOrKey)}`,
    query: { depth: depth?.toString(), all: all ? "true" : undefined },
    // A long journal is read record by record.
    deadline: Math.max(link.timeout, LONG),
    signal,
  })
}
