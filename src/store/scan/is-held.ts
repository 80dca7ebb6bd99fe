/** Whether nothing of a backend is listed or read for now, because people have said so: its scan is paused, or all that is done with it. */
import type { Catalog } from "../../catalog/catalog.ts"
import { isPaused } from "../is-paused.ts"

export function isHeld(catalog: Pick<Catalog, "backends" | "scan">, name: string): boolean {
  return catalog.scan(name).state === "paused" || isPaused(catalog, name)
}
