/** Facts for catalog tests: a put, an outcome, an id, each with what a test cares about and defaults for the rest. */
import { hash } from "node:crypto"
import type { Catalog, CatalogFault, Outcome, OutcomeCommit, PutCommit, PutFact } from "../../src/catalog/catalog.ts"
import type { BlobId } from "../../src/core/blob-id.ts"
import type { SerializedError } from "../../src/core/error.ts"

export function idOf(content: string): BlobId {
  return `sha256:${hash("sha256", content, "hex")}`
}

export interface PutShape {
  key?: string
  /** makes the id */
  content?: string
  backends?: string[]
}

/** A put of `content` (default: the key) under `key` to the backend `local`. */
export function putFact(shape: PutShape & Partial<PutFact> = {}): PutFact {
  const { key = "a", content = key, backends = ["local"], ...rest } = shape
  const id = idOf(content)
  return {
    id,
    size: content.length,
    checksums: { sha256: id.slice("sha256:".length) },
    mimeType: "text/plain",
    key,
    custom: {},
    copies: backends.map((backend) => ({ backend, key })),
    sideChecksums: [],
    time: 1_000,
    ...rest,
  }
}

export function put(catalog: Catalog, shape: PutShape & Partial<PutFact> = {}): Promise<PutCommit> {
  return catalog.commitPut(putFact(shape))
}

export const FAULT: SerializedError = { code: "BACKEND_UNAVAILABLE", message: "It did not answer.", retryable: true }

type SyncResult = Extract<Outcome, { kind: "sync" }>["result"]

/** Tells the catalog what became of a location's job, of its present generation unless another is given. */
export async function settle(
  catalog: Catalog,
  key: string,
  result: SyncResult | "done",
  options: { backend?: string; generation?: number; time?: number } = {},
): Promise<OutcomeCommit> {
  const { backend = "local", time = 2_000 } = options
  const location = catalog.location(backend, key)
  const generation = options.generation ?? location?.generation ?? 0
  const [commit] = await catalog.commitOutcomes(
    [{ kind: "sync", backend, key, generation, result: result === "done" ? done(location?.want ?? null) : result }],
    time,
  )
  return commit!
}

export function done(have: BlobId | null): Extract<SyncResult, { type: "done" }> {
  return have === null
    ? { type: "done", have, verified: { at: 1_900, by: "absence" }, seen: null }
    : { type: "done", have, verified: { at: 1_900, by: "checksum" }, seen: { size: 1, modified: 1_800 } }
}

export function retry(dueAt: number, countAttempt = true): SyncResult {
  return { type: "retry", dueAt, error: FAULT, countAttempt }
}

export function park(): SyncResult {
  return { type: "park", error: FAULT }
}

export async function faultsOf(catalog: Catalog): Promise<CatalogFault[]> {
  const faults: CatalogFault[] = []
  for await (const fault of catalog.verify()) faults.push(fault)
  return faults
}

/** The code of the StoredError that a promise rejects with, `null` where it resolves. */
export async function refusal(promise: Promise<unknown>): Promise<string | null> {
  try {
    await promise
    return null
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}
