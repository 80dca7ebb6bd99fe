/** `copy`, `move`, each of them of many too, and `deleteMany` over the wire. */
import type { PutResult } from "../core/metadata.ts"
import { checkOptions } from "../store/check-options.ts"
import { PagedItems } from "../store/paged.ts"
import type {
  CopiedEntry,
  CopyManyOptions,
  CopyOptions,
  CopyPair,
  DeletedEntry,
  DeleteManyOptions,
} from "../store/store.ts"
import { LONG } from "./deadline.ts"
import { linesOf, SILENCE } from "./lines.ts"
import type { Link } from "./link.ts"
import { onceHeaders, tellRepeat } from "./once.ts"
import { jsonBody } from "./send-body.ts"

export interface Ends {
  from: string
  to: string
}

export async function copy(
  link: Link,
  verb: "copy" | "move",
  ends: Ends,
  options: CopyOptions = {},
): Promise<PutResult> {
  checkOptions("copy", options)
  const { backends, metadata, mimeType, ifVersion, ifAbsent, ifFromVersion, signal } = options
  const { headers, value } = await link.answer<PutResult>({
    method: "POST",
    path: `/v1/${verb}`,
    headers: onceHeaders(options),
    body: jsonBody({ ...ends, backends, metadata, mimeType, ifVersion, ifAbsent, ifFromVersion }),
    // Bytes that lie only at a backend are fetched first.
    deadline: Math.max(link.timeout, LONG),
    signal,
  })
  tellRepeat(options, headers)
  return value
}

export async function deleteMany(
  link: Link,
  keys: readonly string[],
  options: DeleteManyOptions = {},
): Promise<DeletedEntry[]> {
  const { signal } = checkOptions("deleteMany", options)
  const { headers, value } = await link.answer<{ results: DeletedEntry[] }>({
    method: "POST",
    path: "/v1/delete",
    headers: onceHeaders(options),
    body: jsonBody({ keys }),
    deadline: Math.max(link.timeout, LONG),
    signal,
  })
  tellRepeat(options, headers)
  return value.results
}

/** Lines as they come. One connection: where it breaks, what came is not all, and that is an error. */
export function copyMany(
  link: Link,
  verb: "copy" | "move",
  pairs: readonly CopyPair[],
  options?: CopyManyOptions,
): AsyncGenerator<CopiedEntry, void, undefined> {
  return new PagedItems(copiedPages(link, verb, pairs, options))
}

async function* copiedPages(
  link: Link,
  verb: "copy" | "move",
  pairs: readonly CopyPair[],
  options: CopyManyOptions = {},
): AsyncGenerator<CopiedEntry[], void, undefined> {
  const { signal } = checkOptions("copyMany", options)
  const response = await link.send({
    method: "POST",
    path: `/v1/${verb}`,
    headers: onceHeaders(options),
    body: jsonBody({ pairs }),
    deadline: Math.max(link.timeout, SILENCE),
    signal,
  })
  try {
    yield* linesOf<CopiedEntry>(response)
  } catch (error) {
    throw link.broken(error, signal)
  } finally {
    response.destroy()
  }
}
