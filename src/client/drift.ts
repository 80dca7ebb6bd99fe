/** `drift` over the wire: lines of JSON as they come. One connection: where it breaks, what came is not all, and that is an error. */
import type { IncomingMessage } from "node:http"
import { StoredError } from "../core/error.ts"
import { checkOptions } from "../store/check-options.ts"
import { PagedItems } from "../store/paged.ts"
import type { DriftEntry, DriftOptions } from "../store/store.ts"
import type { Link } from "./link.ts"
import { nextChunk } from "./next-chunk.ts"
import { backendPath } from "./scan.ts"

/** ms without a sign of life; the server gives one every 15 s */
const SILENCE = 45_000
/** characters of one line; ours have at most a few thousand */
const MOST = 2 ** 20

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
    yield* linesOf(response)
  } catch (error) {
    throw link.broken(error, signal)
  } finally {
    response.destroy()
  }
}

/** What each piece of the answer completes. */
async function* linesOf(response: IncomingMessage): AsyncGenerator<DriftEntry[], void, undefined> {
  const decoder = new TextDecoder()
  let rest = ""
  for (let chunk = await nextChunk(response, SILENCE); chunk; chunk = await nextChunk(response, SILENCE)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    if (rest.length > MOST) throw foreign()
    const entries = lines.filter((line) => line !== "").map(parse)
    if (entries.length > 0) yield entries
  }
  if (rest !== "") throw foreign()
}

function parse(line: string): DriftEntry {
  try {
    return JSON.parse(line) as DriftEntry
  } catch (cause) {
    throw foreign(cause)
  }
}

function foreign(cause?: unknown): StoredError {
  return new StoredError("INTERNAL", "What answers sends no lines of JSON: it is no StoreD.", { cause })
}
