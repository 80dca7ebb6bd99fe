/** Staging on disk in a directory of its own, closed and removed after the test. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { onTestFinished } from "vitest"
import { splitBlobId } from "../../src/core/blob-id.ts"
import { ContentStaging, type ContentStagingOptions } from "../../src/staging/content-staging.ts"
import type { ReceiveOptions } from "../../src/staging/staging.ts"
import { TestLedger } from "../contract/staging-ledger.ts"
import { hashers, idOf } from "../contract/staging-sources.ts"

export const OPTIONS: ReceiveOptions = { algorithm: "sha256", durable: true }

export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "stored-staging-"))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

export function make(directory: string, options: Partial<ContentStagingOptions> = {}): ContentStaging {
  const staging = new ContentStaging({
    directory,
    maxSize: null,
    minFree: 0,
    evict: true,
    hashers,
    ledger: new TestLedger(),
    clock: { now: () => Date.now() },
    onTrouble: (error) => {
      throw error
    },
    ...options,
  })
  onTestFinished(() => staging.close())
  return staging
}

export async function open(options: Partial<ContentStagingOptions> = {}) {
  const directory = await temporaryDirectory()
  const staging = make(directory, options)
  await staging.open()
  await staging.recover(() => true)
  return { directory, staging }
}

export function integrity(bytes: Buffer): string {
  return `sha256-${Buffer.from(splitBlobId(idOf(bytes)).hex, "hex").toString("base64")}`
}
