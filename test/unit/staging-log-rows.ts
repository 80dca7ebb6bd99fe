/** Records of the intake log for its tests, and a directory for its segments. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished } from "vitest"
import type { BlobId } from "../../src/core/blob-id.ts"
import { decodeRecords, encodeRecord, HEADER_BYTES, type LogRecord } from "../../src/staging/log-record.ts"
import { idOf } from "../contract/staging-sources.ts"

export function record(bytes: Uint8Array, id: BlobId = idOf(bytes)): LogRecord {
  return { id, bytes }
}

/** Content that needs no placing. */
export function placed(): void {}

export function encode(records: LogRecord[]): Buffer {
  const segment = Buffer.alloc(records.reduce((sum, { bytes }) => sum + HEADER_BYTES + bytes.length, 0))
  let offset = 0
  for (const one of records) offset = encodeRecord(segment, offset, one)
  expect(offset).toBe(segment.length)
  return segment
}

export function decode(segment: Buffer): LogRecord[] {
  return [...decodeRecords(segment)].map(({ id, bytes }) => ({ id, bytes: Buffer.from(bytes) }))
}

export async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "stored-log-"))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}
