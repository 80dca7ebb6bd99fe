/** Sightings for catalog tests: what lies at places of the backend `photos`, as a look at them right now would tell it. */
import type { Catalog } from "../../src/catalog/catalog.ts"
import type { FoundContent, SightingsCommit, SightingsFact } from "../../src/catalog/sightings.ts"
import type { Checksums } from "../../src/core/checksum.ts"
import { idOf } from "./catalog.facts.ts"

export const PHOTOS = "photos"

/** What lies at a place; a test names what it cares about. */
export interface Lying {
  content: string
  /** default: yes */
  read?: boolean
  modified?: number
  etag?: string
  file?: string
  checksums?: Checksums
}

export function lies({ content, read = true, modified = 500, checksums = {}, ...state }: Lying): FoundContent {
  return {
    ...state,
    size: content.length,
    modified,
    id: read ? idOf(content) : null,
    checksums,
    mimeType: "text/plain",
  }
}

export type Places = Record<string, Lying | string | null>

/** A look at places, planned on the catalog as it is now. A text stands for content that was read, null for nothing. */
export function look(catalog: Catalog, places: Places, options: Partial<SightingsFact> = {}): SightingsFact {
  const { backend = PHOTOS } = options
  const sightings = Object.entries(places).map(([key, lying]) => ({
    key,
    generation: catalog.location(backend, key)?.generation ?? null,
    found: lying === null ? null : lies(typeof lying === "string" ? { content: lying } : lying),
  }))
  return { backend, asOf: catalog.lastSequence(), sightings, prefix: "photos/", hash: true, time: 3_000, ...options }
}

/** Looks and tells the catalog at once. */
export function see(catalog: Catalog, places: Places, options: Partial<SightingsFact> = {}): Promise<SightingsCommit> {
  return catalog.commitSightings(look(catalog, places, options))
}

export function addBackend(catalog: Catalog, name = PHOTOS, mode?: "observe" | "enforce"): Promise<void> {
  const config = { driver: "fs", root: `/${name}`, ...(mode && { mode }) }
  return catalog.commitBackend({ name, driver: "fs", config, created: 1 }, {})
}

export function looksAt(catalog: Catalog, backend = PHOTOS): string[] {
  return [...catalog.looks(backend)]
}
