/** What the verb `archive` takes and gives. */
import type { Readable } from "node:stream"
import type { ArchiveFormat } from "./archive-format.ts"

export interface ArchiveOptions {
  /** these objects, at most 10,000, under their keys; the first one that is not there is NOT_FOUND, with all of them in `details.keys` */
  keys?: string[]
  /** or all whose keys begin with this, under what follows its last slash; `""` is everything */
  prefix?: string
  /** default `zip` */
  format?: ArchiveFormat
  /** how hard it is compressed, 0 to 9; default 0 for `zip`, 6 for `tar.gz`. Types that are compressed already stay as they are */
  compress?: number
  /** its file's name; absent: the folder's, or `archive`. The format's ending is added where it lacks it */
  name?: string
  /** as `get` has it */
  fallback?: boolean | string[]
  signal?: AbortSignal
}

/** An open archive. */
export interface OpenedArchive {
  /** for its file, without folders */
  name: string
  mimeType: string
  /** bytes, null where that cannot be known before it is made */
  size: number | null
  /** Ends cleanly only where every object is whole in it. */
  stream: Readable
}

export interface ArchiveFace {
  /**
   * Many objects as one file, read one after the other as it is read. Each is as it is when its turn comes; one that is gone by then, or whose copy cannot be
   * read, breaks the stream, and where `size` is told so does one that has another size by then.
   * @throws NOT_FOUND before anything is read, INVALID_INPUT, INVALID_KEY; the stream breaks with what `get` throws
   */
  archive(options: ArchiveOptions): Promise<OpenedArchive>
}
