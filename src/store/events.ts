/** `events` (R6): every committed event after a journal sequence, past ones first, then live. The journal is the source; the bus only wakes. */
import type { JournalRecord } from "../catalog/record.ts"
import type { BlobId } from "../core/blob-id.ts"
import type { SerializedError } from "../core/error.ts"
import type { DriftState, StoreEvent } from "../core/event.ts"
import type { StoreServices } from "./services.ts"

const PAGE = 500

export async function* events(
  services: StoreServices,
  options: { after?: number; signal?: AbortSignal } = {},
): AsyncGenerator<StoreEvent> {
  let after = options.after ?? services.catalog.lastSequence()
  for (;;) {
    if (options.signal?.aborted || services.lifecycle.signal.aborted) return
    const page = [...services.catalog.journal({ after, limit: PAGE })]
    for (const record of page) {
      after = record.sequence
      const event = toEvent(record)
      if (event) yield event
    }
    if (page.length === 0) await nextCommit(services, after, options.signal)
  }
}

/** Resolves when the journal may have grown beyond `after`, or a signal fires. */
function nextCommit(services: StoreServices, after: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const ends = [signal, services.lifecycle.signal]
    const done = (): void => {
      stop()
      for (const end of ends) end?.removeEventListener("abort", done)
      resolve()
    }
    const stop = services.bus.onAny((event) => {
      if (event.sequence !== null && event.sequence > after) done()
    })
    for (const end of ends) end?.addEventListener("abort", done, { once: true })
    if (services.catalog.lastSequence() > after || ends.some((end) => end?.aborted)) done()
  })
}

/** What a step makes of a scan. */
export const SCAN_STATES = {
  start: "running",
  resume: "running",
  pause: "paused",
  cancel: "cancelled",
  fail: "failed",
  done: "done",
} as const

/** The event of a journal record, or null for bookkeeping that is nobody's event. */
function toEvent(record: JournalRecord): StoreEvent | null {
  const { sequence, time, detail } = record
  const base = { sequence, time }
  const key = record.key ?? ""
  const backend = record.backend ?? ""
  switch (record.command) {
    case "put":
      return {
        ...base,
        type: "put",
        data: {
          checksum: record.id!,
          key,
          version: Number(detail.version),
          size: Number(detail.size),
          // Records of older versions do not say.
          replaced: (detail.replaced as BlobId | null | undefined) ?? null,
        },
      }
    case "delete":
      return {
        ...base,
        type: "delete",
        data: {
          checksum: record.id!,
          key,
          backends: detail.backends as string[],
          ...(detail.ignored === true && { ignored: true }),
        },
      }
    case "sync":
      return { ...base, type: "sync:complete", data: { checksum: record.id, key, backend } }
    case "sync-failed":
      return {
        ...base,
        type: "sync:error",
        data: { checksum: record.id, key, backend, error: detail.error as unknown as SerializedError },
      }
    case "found": {
      const added = Number(detail.added)
      return added > 0 ? { ...base, type: "found", data: { backend, added } } : null
    }
    case "changed": {
      const { version, replaced } = detail
      const data = { checksum: record.id!, key, backend, version: Number(version), replaced: replaced as BlobId }
      return { ...base, type: "change", data }
    }
    case "moved":
      return { ...base, type: "move", data: { checksum: record.id!, key, backend, from: String(detail.from) } }
    case "drift":
      return {
        ...base,
        type: "drift",
        data: { checksum: record.id!, key, backend, state: detail.state as DriftState },
      }
    case "scan":
      return { ...base, type: "scan", data: { backend, state: SCAN_STATES[detail.step as keyof typeof SCAN_STATES] } }
    case "validate": {
      const state = SCAN_STATES[detail.step as keyof typeof SCAN_STATES]
      const kind = detail.kind as "asked" | "rolling"
      return { ...base, type: "validate", data: { backend: record.backend ?? "staging", kind, state } }
    }
    case "backend-add":
      return { ...base, type: "backend:add", data: { backend, driver: String(detail.driver) } }
    case "backend-remove":
      return { ...base, type: "backend:remove", data: { backend } }
    case "corrupt":
      return { ...base, type: "staging:corrupt", data: { checksum: record.id!, repairedFrom: null } }
    default:
      return null
  }
}
