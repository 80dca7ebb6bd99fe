/** Which backends a request uses where its token may use some only: those that it names, or as many of the usual ones as it may. Never more because of a list that is empty. */
import { type Access, authorise, forbidden, type Scope } from "../../core/access.ts"
import type { Store } from "../../store/store.ts"

type Backends = Pick<Store, "listBackends" | "getBackend">

/** For a put; undefined leaves it to the store. @param named as the request names them. @throws StoredError FORBIDDEN */
export function backendsToWrite(store: Backends, access: Access, named: string[] | undefined): string[] | undefined {
  return choose(access, "write", named, () => store.listBackends().filter((name) => store.getBackend(name).isDefault))
}

/** For a read of what staging does not have; undefined leaves it to the store. @throws StoredError FORBIDDEN */
export function backendsToRead(store: Backends, access: Access, named: string[] | undefined): string[] | undefined {
  return choose(access, "read", named, () => store.listBackends())
}

function choose(
  access: Access,
  scope: Scope,
  named: string[] | undefined,
  usual: () => string[],
): string[] | undefined {
  if (named !== undefined && named.length > 0) {
    authorise(access, { scope, backends: named })
    return named
  }
  if (access.backends === null) return named
  const allowed = usual().filter((name) => access.allowsBackend(name))
  if (allowed.length > 0) return allowed
  throw forbidden("None of the backends that this would use is one that the token may use; name one of its own.")
}

/** Before an object is deleted or replaced as a whole: its copies go too, and all of them must be the token's to touch. @throws StoredError FORBIDDEN */
export async function requireOwnCopies(store: Pick<Store, "stat">, access: Access, key: string): Promise<void> {
  if (access.backends === null) return
  const metadata = await store.stat(key)
  const isForeign = metadata?.locations.some(({ backend }) => !access.allowsBackend(backend)) ?? false
  if (isForeign) throw forbidden("This object has copies on backends that the token may not use; name its own.")
}
