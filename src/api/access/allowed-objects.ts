/** Listings for whoever may touch a part of the keys: nothing else is there, whatever prefix is asked for. */
import type { Access } from "../../core/access.ts"
import { partsWithin } from "../../core/access-prefix.ts"
import type { ListedObject, ListOptions, Store } from "../../store/store.ts"

/** In the order of the keys; as `list` otherwise. */
export async function* allowedObjects(
  store: Pick<Store, "list">,
  access: Pick<Access, "prefixes">,
  { prefix = "", limit = Number.POSITIVE_INFINITY, ...rest }: ListOptions,
): AsyncGenerator<ListedObject, void, undefined> {
  let left = limit
  for (const part of partsWithin(access.prefixes, prefix)) {
    if (left <= 0) return
    const most = part.isKey ? 1 : left
    for await (const object of store.list({
      ...rest,
      prefix: part.prefix,
      ...(Number.isFinite(most) && { limit: most }),
    })) {
      // Another key that begins as the one that is meant.
      if (part.isKey && object.key !== part.prefix) break
      left -= 1
      yield object
    }
  }
}
