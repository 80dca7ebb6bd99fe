/** Tokens can be read, each has what its quota is measured by, and what lies in a namespace is what is counted there. */
import type { CatalogFault } from "../catalog.ts"
import type { Engine } from "../rows/engine.ts"
import { namespaceKey, splitNamespaceKey } from "../rows/key.ts"
import { namespacesOf } from "../transitions/namespaces.ts"
import type { Tally } from "./tally.ts"
import { fault, look, walk } from "./walk.ts"

/** Before the objects, which are counted for the namespaces that are there. */
export async function* checkTokens(engine: Engine, tally: Tally): AsyncGenerator<CatalogFault> {
  yield* walk(engine, "namespaces", (row, namespace) => {
    tally.namespace(splitNamespaceKey(row), namespace)
    return []
  })
  yield* walk(engine, "tokens", function* (id, token) {
    tally.one("tokens")
    if (token.revoked !== null) return
    for (const prefix of namespacesOf(token)) {
      if (look(engine, "namespaces", namespaceKey(prefix)) === null)
        yield fault("I12", `token ${id}`, `It has a quota, but what lies under "${prefix}" is not counted.`)
    }
  })
}

/** After the objects. */
export async function* checkNamespaces(engine: Engine, tally: Tally): AsyncGenerator<CatalogFault> {
  yield* walk(engine, "namespaces", function* (row, { bytes, objects }) {
    const prefix = splitNamespaceKey(row)
    const counted = tally.namespaces.get(prefix)
    if (!counted || (counted.bytes === bytes && counted.objects === objects)) return
    const said = `${objects} with ${bytes} bytes`
    yield fault(
      "I12",
      `namespace ${prefix}`,
      `${counted.objects} objects with ${counted.bytes} bytes lie there, not ${said}.`,
    )
  })
}
