/** `list` (A5): objects in the order of their keys, page by page from the catalog, so that memory does not grow with their number. */
import type { ObjectRecord } from "../catalog/record.ts"
import { throwIfAborted } from "../core/error.ts"
import { parsePrefix } from "../core/key.ts"
import type { StoreServices } from "./services.ts"
import type { ListedObject, ListOptions } from "./store.ts"

/** Rows read between two turns of the event loop. */
const PAGE = 1_000

/** Pages of at most 1,000; none is empty. */
export async function* list(
  services: StoreServices,
  options: ListOptions = {},
): AsyncGenerator<ListedObject[], void, undefined> {
  const { lifecycle } = services
  const prefix = parsePrefix(options.prefix)
  let left = options.limit ?? Number.POSITIVE_INFINITY
  let after = options.after
  if (options.backend !== undefined) services.backends.get(options.backend)
  for (;;) {
    lifecycle.requireOpen()
    throwIfAborted(options.signal)
    // Objects of all backends are looked through: a copy may lie under another key than its object, and the order is that of the objects.
    const limit = options.backend === undefined ? Math.min(left, PAGE) : PAGE
    const found: ListedObject[] = []
    let read = 0
    for (const object of services.catalog.objects({ prefix, limit, ...(after !== undefined && { after }) })) {
      read += 1
      after = object.key
      if (!isOn(object, options.backend)) continue
      found.push(toListed(object))
      if (found.length >= left) break
    }
    left -= found.length
    if (found.length > 0) yield found
    if (left <= 0 || read < limit) return
    await new Promise((resume) => setImmediate(resume))
  }
}

function isOn({ copies }: ObjectRecord, backend: string | undefined): boolean {
  return backend === undefined || copies.some((copy) => copy.backend === backend)
}

function toListed(object: ObjectRecord): ListedObject {
  const { key, id, size, mimeType, version, created, modified } = object
  return { key, checksum: id, size, mimeType, version, created, modified }
}
