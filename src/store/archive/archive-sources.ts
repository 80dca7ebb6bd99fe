/** What archives are made of, of the open parts. */
import { list } from "../list.ts"
import { open } from "../open.ts"
import { PagedItems } from "../paged.ts"
import type { StoreServices } from "../services.ts"
import type { ArchiveSources } from "./archive.ts"

export function archiveSources(services: StoreServices): ArchiveSources {
  return {
    list: (options) => new PagedItems(list(services, options)),
    open: (key, options) => open(services, key, options),
  }
}
