/** The downloads under way. Whoever wants a whole copy that is being downloaded joins in; a part of it is taken there as far as it has come. */
import type { Readable } from "node:stream"
import type { BlobRecord, LocationRecord } from "../catalog/record.ts"
import type { ByteRange } from "../core/blob-source.ts"
import { Download } from "./download.ts"
import { DownloadRead } from "./download-read.ts"
import type { StoreServices } from "./services.ts"
import { until } from "./until.ts"

export class Downloads {
  /** by backend, key and blob: the failure of a copy is that of its own readers only */
  readonly #underWay = new Map<string, Download>()

  /** How many there are. */
  get size(): number {
    return this.#underWay.size
  }

  /** Null for a part that no download has: it is to be read by itself. @throws StoredError of the backend; ABORTED */
  async read(
    services: StoreServices,
    blob: BlobRecord,
    location: LocationRecord,
    { range, signal }: { range: ByteRange | undefined; signal: AbortSignal | undefined },
  ): Promise<Readable | null> {
    const name = JSON.stringify([location.backend, location.key, blob.id])
    let download = this.#underWay.get(name)
    if (range && !download?.has(range.start)) return null
    download ??= this.#start(services, blob, location, name)
    const reader = new DownloadRead(download, { range, signal, hashers: services.hashers })
    // Until it is handed out, its errors are those of this call.
    const ignore = (): void => {}
    reader.on("error", ignore)
    try {
      await until(download.opened, signal)
    } catch (error) {
      reader.destroy()
      throw error
    }
    reader.off("error", ignore)
    return reader
  }

  #start(services: StoreServices, blob: BlobRecord, location: LocationRecord, name: string): Download {
    const download = new Download(services, blob, location, () => {
      if (this.#underWay.get(name) === download) this.#underWay.delete(name)
    })
    this.#underWay.set(name, download)
    download.start()
    return download
  }
}
