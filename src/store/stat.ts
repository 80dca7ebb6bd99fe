/** `stat` and `has` (A6, A7). */
import type { Metadata } from "../core/metadata.ts"
import { describe } from "./metadata.ts"
import { resolve } from "./reference.ts"
import type { StoreServices } from "./services.ts"

/** Null where there is no such object, never an error for that. @throws StoredError INVALID_KEY */
export function stat(services: StoreServices, idOrKey: string): Metadata | null {
  const target = resolve(services.catalog, idOrKey)
  return target && describe(services, target)
}
