/** Before an address is signed: it reaches no further than the token of whoever asks for it, and cannot be used to get round what holds that token back. */
import { type Access, authorise, forbidden } from "../../core/access.ts"
import type { Store } from "../../store/store.ts"
import { readableName } from "./allowed-reference.ts"

/** @throws StoredError FORBIDDEN, NOT_FOUND */
export function authoriseSigning(
  store: Pick<Store, "namedWithin" | "tokens">,
  access: Access,
  { name, method }: { name: string; method: "GET" | "PUT" },
): void {
  if (method === "PUT") authorise(access, { scope: "write" })
  if (access.backends !== null)
    throw forbidden("Whoever has a signed address uses every backend, and the token may use some only.")
  if (access.prefixes !== null) {
    if (method === "PUT") authorise(access, { scope: "write", keys: [name] })
    else if (readableName(store, access, name) !== name)
      throw forbidden(
        "A checksum means everybody's bytes, and the token may touch a part of the keys only; sign a key.",
      )
  }
  // It would hold back what comes by the address, and tell strangers how full it is.
  if (method === "PUT" && access.token !== null && store.tokens.get(access.token).quota !== null)
    throw forbidden("A token with a quota cannot sign addresses to write to; put by the token itself.")
}
