/** What is found out about a backend is kept with it, so that it need not be found out at each start; it is found out anew when somebody tests it, and when it is old. */
import { isDeepStrictEqual } from "node:util"
import type { BackendRecord } from "../catalog/record.ts"
import type { JsonObject } from "../core/json.ts"
import type { BackendInfo } from "./backend-face.ts"
import type { StoreServices } from "./services.ts"

/** ms after which a server may have learnt something, or forgotten it */
const OLD = 30 * 86_400_000

/** Keeps what is another than before. @throws StoredError of the commit */
export async function keepAbilities(
  { catalog, clock, log }: Pick<StoreServices, "catalog" | "clock" | "log">,
  name: string,
  abilities: JsonObject,
): Promise<void> {
  const record = catalog.backends().find((each) => each.name === name)
  if (!record || isDeepStrictEqual(record.abilities, abilities)) return
  const changed = record.abilities && changedAbilities(record.abilities, abilities)
  if (changed) log.info({ backend: name, changed }, "a backend can do other things than before")
  await catalog.commitBackend({ ...record, abilities, created: clock.now() }, {})
}

/** By their names; absent where there are none. When it was found out is none of them. */
export function changedAbilities(before: JsonObject, after: JsonObject): BackendInfo["changed"] {
  const names = Object.keys({ ...before, ...after }).filter(
    (name) => name !== "probed" && !isDeepStrictEqual(before[name], after[name]),
  )
  if (names.length === 0) return undefined
  return Object.fromEntries(names.map((name) => [name, { was: before[name] ?? null, is: after[name] ?? null }]))
}

/** Whether they were found out so long ago that it is worth asking again. Where no time is known, that was by an older program. */
export function areOld({ probed }: NonNullable<BackendRecord["abilities"]>, now: number): boolean {
  return typeof probed !== "number" || now - probed > OLD
}
