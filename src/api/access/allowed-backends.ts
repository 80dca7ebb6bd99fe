/** Which backends a request uses where its token may use some only: those that it names, or as many of the usual ones as it may. Never more because of a list that is empty. */
import { type Access, authorise, forbidden, NOBODY, type Scope } from "../../core/access.ts"
import type { GetOptions, Store } from "../../store/store.ts"

type Backends = Pick<Store, "listBackends" | "getBackend">

/** For a put; undefined leaves it to the store. @param named as the request names them. @throws StoredError FORBIDDEN */
export function backendsToWrite(store: Backends, access: Access, named: string[] | undefined): string[] | undefined {
  return choose(access, "write", named, () => store.listBackends().filter((name) => store.getBackend(name).isDefault))
}

type Copies = Pick<GetOptions, "backends" | "fallback">

/** The copies that a read may use where staging does not have the bytes. @param access absent, or nobody: the address itself says who may read. @throws StoredError FORBIDDEN */
export function copiesToRead(store: Backends, access: Access | undefined, asked: Copies): Copies {
  if (access === undefined || access === NOBODY || access.backends === null) return asked
  const backends = choose(access, "read", asked.backends, () => store.listBackends())
  const { fallback } = asked
  if (Array.isArray(fallback)) authorise(access, { scope: "read", backends: fallback })
  const others = fallback === true ? choose(access, "read", undefined, () => store.listBackends()) : fallback
  return { ...(backends && { backends }), ...(others !== undefined && { fallback: others }) }
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
