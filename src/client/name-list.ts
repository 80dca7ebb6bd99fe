/** Names of backends as one text with commas between them. */
import { StoredError } from "../core/error.ts"
import { isBackendName } from "../core/key.ts"

/** @throws StoredError UNKNOWN_BACKEND: no backend can have such a name, and with a comma in it it would be two */
export function nameList(names: readonly string[]): string {
  const odd = names.find((name) => !isBackendName(name))
  if (odd === undefined) return names.join(",")
  throw new StoredError("UNKNOWN_BACKEND", `There is no backend ${JSON.stringify(odd)}.`, { details: { backend: odd } })
}
