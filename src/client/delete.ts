/** `delete`: the object, or single copies of it. */
import { StoredError } from "../core/error.ts"
import { checkOptions } from "../store/check-options.ts"
import type { DeleteOptions, DeleteResult } from "../store/store.ts"
import type { Link } from "./link.ts"
import { nameList } from "./name-list.ts"
import { onceHeaders, tellRepeat } from "./once.ts"
import { contentPath } from "./path.ts"

const DEFAULT_WAIT = 1_000

export async function remove(link: Link, idOrKey: string, options: DeleteOptions = {}): Promise<DeleteResult> {
  checkOptions("delete", options)
  const { backends, force, wait, ifVersion, signal } = options
  if (ifVersion !== undefined && !(Number.isSafeInteger(ifVersion) && ifVersion >= 0)) {
    throw new StoredError("INVALID_INPUT", `ifVersion is ${ifVersion}; give the object's version.`)
  }
  const answer = await link.answer<DeleteResult>({
    method: "DELETE",
    path: contentPath(idOrKey),
    query: { backend: backends && nameList(backends), force: force?.toString(), wait: wait?.toString() },
    headers: { ...onceHeaders(options), ...(ifVersion !== undefined && { "x-stored-if-version": String(ifVersion) }) },
    deadline: link.timeout + (wait ?? DEFAULT_WAIT),
    signal,
  })
  tellRepeat(options, answer.headers)
  return answer.value
}
