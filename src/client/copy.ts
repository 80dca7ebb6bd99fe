/** `copy`, `move` and `deleteMany` over the wire. */
import type { PutResult } from "../core/metadata.ts"
import { checkOptions } from "../store/check-options.ts"
import type { CopyOptions, DeletedEntry, DeleteManyOptions } from "../store/store.ts"
import { LONG } from "./deadline.ts"
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
  const body = jsonBody({ keys })
  const call = { method: "POST", path: "/v1/delete", body, deadline: Math.max(link.timeout, LONG), signal } as const
  return (await link.json<{ results: DeletedEntry[] }>(call)).results
}
