/**
 * Ours, opened for one measurement: an empty store with one fs backend on the same disk. Unless `work` is asked for, the outbox is filled but
 * not worked off, so that a put is measured and not the upload that follows it; the tree subject measures both together.
 */
import { join } from "node:path"
import { type OpenedStore, openStore } from "../src/compose.ts"

export interface StoreSettings {
  /** what makes the ids */
  algorithm?: "sha256" | "blake3"
  /** whether the outbox is worked off beside */
  work?: boolean
  /** jobs of the backend at a time */
  concurrency?: number
}

export const BACKEND = "copy"

export function openBenchStore(directory: string, settings: StoreSettings = {}): Promise<OpenedStore> {
  const { algorithm = "sha256", work = false, concurrency } = settings
  return openStore(
    {
      data: join(directory, "data"),
      backends: {
        [BACKEND]: { driver: "fs", root: join(directory, BACKEND), ...(concurrency && { concurrency }) },
      },
      defaultBackends: [BACKEND],
      checksums: [algorithm],
    },
    { work },
  )
}

/** Every put has all of its rows: blob, object, location, journal record and outbox row. @throws Error where one is missing */
export function requireRows({ services }: OpenedStore, count: number): void {
  const { objects, blobs, locations, journal, outbox } = services.catalog.counters()
  const rows = { objects, blobs, locations, journal, outbox }
  const wrong = Object.entries(rows).filter(([, found]) => found !== count)
  if (wrong.length === 0) return
  throw new Error(
    `After ${count} puts the catalog counts ${wrong.map(([name, found]) => `${found} ${name}`).join(", ")}.`,
  )
}
