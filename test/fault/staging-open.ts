/** Opens staging on disk for a fault test, in a directory of its own, recovered, and gone after the test. */
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { onTestFinished } from "vitest"
import type { BlobId } from "../../src/core/blob-id.ts"
import type { BlobSource } from "../../src/core/blob-source.ts"
import { ContentStaging, type ContentStagingOptions } from "../../src/staging/content-staging.ts"
import type { Received, ReceiveOptions, RecoveryReport } from "../../src/staging/staging.ts"
import { TestLedger } from "../contract/staging-ledger.ts"
import { hashers } from "../contract/staging-sources.ts"

export const DURABLE: ReceiveOptions = { algorithm: "sha256", durable: true }

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "stored-staging-"))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

export interface OpenedStaging {
  directory: string
  staging: ContentStaging
  ledger: TestLedger
  recovered: RecoveryReport
  /** receives and commits */
  put(source: BlobSource, pinned?: boolean): Promise<Received>
  /** names in `tmp/` */
  temporary(): Promise<string[]>
}

export async function openStaging(
  options: Partial<Omit<ContentStagingOptions, "ledger">> & { wants?: (id: BlobId) => boolean } = {},
): Promise<OpenedStaging> {
  const { wants = () => true, ...settings } = options
  const directory = settings.directory ?? (await temporaryDirectory())
  const ledger = new TestLedger()
  const staging = new ContentStaging({
    maxSize: null,
    minFree: 0,
    evict: true,
    hashers,
    clock: { now: () => Date.now() },
    onTrouble: (error) => {
      throw error
    },
    ...settings,
    directory,
    ledger,
  })
  onTestFinished(() => staging.close())
  await staging.open()
  const recovered = await staging.recover(wants)
  return {
    directory,
    staging,
    ledger,
    recovered,
    put: async (source, pinned = false) => ledger.commit(await staging.receive(source, DURABLE), { pinned }),
    temporary: () => readdir(join(directory, "tmp")),
  }
}
