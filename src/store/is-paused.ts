/** Whether none of a backend's jobs begins until it is resumed. The catalog says it, which is there before anybody works on the queue. */
import type { Catalog } from "../catalog/catalog.ts"

export function isPaused(catalog: Pick<Catalog, "backends">, name: string): boolean {
  return catalog.backends().some((record) => record.name === name && record.paused !== undefined)
}
