/** Before many objects are packed into one file: every one of them is the reader's to read. */
import { type Access, authorise, forbidden } from "../../core/access.ts"
import { parseKey } from "../../core/key.ts"

/** @throws StoredError FORBIDDEN, INVALID_KEY */
export function authoriseArchive(
  access: Access,
  { keys, prefix }: { keys?: readonly string[] | undefined; prefix?: string | undefined },
): void {
  authorise(access, {
    scope: "read",
    ...(keys && { keys: keys.map(parseKey) }),
    ...(prefix !== undefined && { prefix }),
  })
  if (access.backends !== null)
    throw forbidden("An archive takes its bytes from every backend, and the token may use some only.")
}
