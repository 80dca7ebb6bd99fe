/** `synced` and `idle`: the server is asked again whenever its patience ends, until it is true or the signal fires. */
import type { Metadata } from "../core/metadata.ts"
import { checkOptions } from "../store/check-options.ts"
import type { SyncedOptions } from "../store/store.ts"
import type { Link } from "./link.ts"
import { nameList } from "./name-list.ts"
import { encodeName } from "./path.ts"

/** ms that the server waits before it says "not yet" */
const ROUND = 20_000

export async function synced(link: Link, idOrKey: string, options: SyncedOptions = {}): Promise<Metadata> {
  checkOptions("synced", options)
  const { backends, copies, signal } = options
  const query = { backends: backends && nameList(backends), copies: copies?.toString() }
  return longPoll<Metadata>(link, `/v1/synced/${encodeName(idOrKey)}`, query, signal)
}

export async function idle(link: Link, options: { signal?: AbortSignal } = {}): Promise<void> {
  checkOptions("idle", options)
  await longPoll(link, "/v1/idle", {}, options.signal)
}

async function longPoll<Value>(
  link: Link,
  path: string,
  query: Record<string, string | undefined>,
  signal: AbortSignal | undefined,
): Promise<Value> {
  for (;;) {
    const { status, value } = await link.answer<Value>({
      path,
      query: { ...query, wait: String(ROUND) },
      signal,
      deadline: link.timeout + ROUND,
    })
    if (status !== 202) return value
  }
}
