/** `drift` over the wire: lines of JSON as they come. One connection: where it breaks, what came is not all, and that is an error. */
import { checkOptions } from "../store/check-options.ts"
import { PagedItems } from "../store/paged.ts"
import type { DriftEntry, DriftOptions } from "../store/store.ts"
import { linesOf, SILENCE } from "./lines.ts"
import type { Link } from "./link.ts"
import { backendPath } from "./scan.ts"

export function drift(link: Link, name: string, options?: DriftOptions): AsyncGenerator<DriftEntry, void, undefined> {
  return new PagedItems(driftPages(link, name, options))
}

async function* driftPages(
  link: Link,
  name: string,
  options: DriftOptions = {},
): AsyncGenerator<DriftEntry[], void, undefined> {
  const { limit, signal } = checkOptions("drift", options)
  const response = await link.send({
    path: `${backendPath(name)}/drift`,
    query: { limit: limit?.toString() },
    deadline: Math.max(link.timeout, SILENCE),
    signal,
  })
  try {
    yield* linesOf<DriftEntry>(response)
  } catch (error) {
    throw link.broken(error, signal)
  } finally {
    response.destroy()
  }
}
