/** `list` (A5): objects in the order of their keys, page by page from the catalog, so that memory does not grow with their number. */
import type { ObjectRecord } from "../catalog/record.ts"
import { StoredError, throwIfAborted } from "../core/error.ts"
import { parsePrefix } from "../core/key.ts"
import type { StoreServices } from "./services.ts"
import type { ListedObject, ListOptions } from "./store.ts"

/** Rows read between two turns of the event loop. */
const PAGE = 1_000

export async function* list(services: StoreServices, options: ListOptions = {}): AsyncGenerator<ListedObject> {
  const { lifecycle } = services
  const prefix = parsePrefix(options.prefix)
  let left = requireLimit(options.limit)
  let after = options.after
  if (options.backend !== undefined) services.backends.get(options.backend)
  for (;;) {
    lifecycle.requireOpen()
    throwIfAborted(options.signal)
    const page = [
      ...readPage(
        services,
        { prefix, limit: Math.min(left, PAGE), ...(after !== undefined && { after }) },
        options.backend,
      ),
    ]
    for (const object of page) yield toListed(object)
    left -= page.length
    if (page.length < PAGE || left <= 0) return
    after = page.at(-1)!.key
    await new Promise((resume) => setImmediate(resume))
  }
}

function* readPage(
  services: StoreServices,
  page: { prefix: string; after?: string; limit: number },
  backend: string | undefined,
) {
  if (backend === undefined) return yield* services.catalog.objects(page)
  let left = page.limit
  // A deleted object's copy may still be on its way out: it is a location of the backend, but no object any more.
  const { limit: _, ...from } = page
  for (const location of services.catalog.locations(backend, from)) {
    const object = location.want && services.catalog.object(location.objectKey)
    if (!object) continue
    yield object
    if (--left === 0) return
  }
}

function requireLimit(limit: number | undefined): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY
  if (Number.isSafeInteger(limit) && limit > 0) return limit
  throw new StoredError("INVALID_INPUT", `limit is ${limit}; give a whole number from 1.`)
}

function toListed(object: ObjectRecord): ListedObject {
  const { key, id, size, mimeType, version, created, modified } = object
  return { key, checksum: id, size, mimeType, version, created, modified }
}
