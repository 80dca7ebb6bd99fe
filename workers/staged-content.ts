/**
 * The bytes of a job: from the server's staging directory where this worker shares its disk, else over HTTP. It shares the disk where it reads the same
 * text in the probe file; a staged file that is gone, unreadable or of another size is asked of the server, which knows of other copies. Whatever breaks is
 * the source's fault and worth another try, not a fault of the backend that is written to.
 */
import { constants } from "node:fs"
import { readFile } from "node:fs/promises"
import { basename, join } from "node:path"
import type { WorkerConfiguration } from "../queues/exchange.ts"
import { type QuickCalls, quickCallsFor } from "../src/backends/fs/calls.ts"
import type { BlobId } from "../src/core/blob-id.ts"
import type { BlobSource } from "../src/core/blob-source.ts"
import { StoredError, throwIfAborted } from "../src/core/error.ts"
import { ContentStream } from "../src/staging/content-stream.ts"
import { contentPath, type Layout, layoutOf } from "../src/staging/layout.ts"
import { open as openFile } from "../src/staging/system-calls.ts"
import { Download, type DownloadOptions } from "./download.ts"
import type { ServerClient } from "./server-client.ts"

export type StagingPlace = WorkerConfiguration["staging"]

export class StagedContent {
  readonly #server: Pick<ServerClient, "content">
  readonly #download: Pick<DownloadOptions, "silence" | "backoff">
  #shared: { layout: Layout; calls: QuickCalls } | null = null

  constructor(server: Pick<ServerClient, "content">, download: Pick<DownloadOptions, "silence" | "backoff"> = {}) {
    this.#server = server
    this.#download = download
  }

  /** Whether the server's disk is this worker's too, as far as was last seen. */
  get isShared(): boolean {
    return this.#shared !== null
  }

  /** Looks whether the staging directory is on a disk that is shared. */
  async locate({ directory, probe }: StagingPlace): Promise<void> {
    this.#shared = (await holdsProbe(directory, probe))
      ? { layout: layoutOf(directory), calls: await quickCallsFor(directory) }
      : null
  }

  /** @param except the location that the job is about, which never serves as its own source. @throws StoredError the reason of `signal` */
  async source(
    id: BlobId,
    size: number,
    signal: AbortSignal,
    except?: { backend: string; key: string },
  ): Promise<BlobSource> {
    throwIfAborted(signal)
    const shared = this.#shared
    if (shared) {
      const path = contentPath(shared.layout, id)
      if (await canRead(shared.calls, path, size)) return fileSource(id, size, path)
    }
    const server = this.#server
    return {
      size,
      read: (range = { start: 0, end: size }) =>
        new Download({ ...this.#download, server, id, size, range, signal, ...(except && { except }) }),
    }
  }
}

async function holdsProbe(directory: string, { file, text }: StagingPlace["probe"]): Promise<boolean> {
  if (file === "" || basename(file) !== file) return false
  try {
    return (await readFile(join(directory, file), "utf8")) === text
  } catch {
    // Not there, or not for us to read: then it is not shared.
    return false
  }
}

/** Whether the file is there for this process to read, and has the size. */
async function canRead(calls: QuickCalls, path: string, size: number): Promise<boolean> {
  try {
    const file = await calls.lstat(path)
    if (!file.isFile() || file.size !== size) return false
    await calls.access(path, constants.R_OK)
    return true
  } catch {
    // Whatever the reason, the server is asked; it can tell what is wrong.
    return false
  }
}

function fileSource(id: BlobId, size: number, path: string): BlobSource {
  return {
    size,
    path,
    read: (range = { start: 0, end: size }) =>
      new ContentStream({ open: () => openFile(path, "r"), range, failed: (cause) => unreadable(id, cause) }),
  }
}

function unreadable(id: BlobId, cause: unknown): StoredError {
  const reason = cause instanceof Error ? cause.message : "it ends too early"
  return new StoredError("SOURCE_FAILED", `The staged content of ${id} cannot be read: ${reason}.`, {
    retryable: true,
    cause,
  })
}
