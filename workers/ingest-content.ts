/** The bytes of a put by reference, once they may be had: opened, not read yet. */
import type { IngestSource } from "../queues/ingest.ts"
import { openPath } from "./ingest-path.ts"
import { type AllowedUrls, openUrl } from "./ingest-url.ts"

export interface IngestContent {
  /** bytes, where known; another number is SIZE_MISMATCH */
  size: number | undefined
  /** that of the file, which may tell its type */
  name: string | null
  /** what the source itself says of its type */
  mimeType: string | null
  /** Once. @throws StoredError SOURCE_FAILED before the last piece, where the source changed or broke */
  read(): AsyncIterable<Uint8Array>
  /** May be called at any time; ends a read that is under way. */
  close(): Promise<void>
}

/** What a worker may read. Nothing, unless it is named. */
export interface IngestLimits {
  /** absolute paths of directories */
  roots: readonly string[]
  urls: AllowedUrls
}

/** @throws StoredError INVALID_INPUT, PERMISSION_DENIED, SOURCE_FAILED, ABORTED */
export async function openContent(
  source: IngestSource,
  { roots, urls }: IngestLimits,
  signal: AbortSignal,
): Promise<IngestContent> {
  if (source.type === "path") return openPath(source.path, roots)
  if (source.type === "url") return openUrl(source.url, urls, signal)
  const bytes = Buffer.from(source.base64, "base64")
  return {
    size: bytes.length,
    name: null,
    mimeType: null,
    read: async function* () {
      if (bytes.length > 0) yield bytes
    },
    close: async () => {},
  }
}
