/** Jobs of a server's backend wait, or go on. */
import { checkOptions } from "../store/check-options.ts"
import type { BackendInfo, PauseBackendOptions } from "../store/store.ts"
import type { Link } from "./link.ts"
import { nameList } from "./name-list.ts"

/** @throws StoredError UNKNOWN_BACKEND */
export async function pauseBackend(
  link: Link,
  name: string,
  verb: "pause" | "resume",
  options: PauseBackendOptions = {},
): Promise<BackendInfo> {
  checkOptions("pauseBackend", options)
  return link.json<BackendInfo>({ method: "POST", path: `/v1/backends/${nameList([name])}/${verb}` })
}
