/**
 * What others do with one small blob: cacache, a bare loop, a naive store with a JSON file beside each blob. Each peer is opened on an empty
 * directory and can say afterwards whether it has what it was given.
 */
import { createHash } from "node:crypto"
import { mkdir, open, readFile, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import cacache from "cacache"

export interface Peer {
  put(index: number, bytes: Buffer): Promise<void>
  /** the bytes that were put, read back */
  get(index: number): Promise<Buffer>
}

export type OpenPeer = (directory: string) => Promise<Peer>

/** As npm uses it, with sha256 like ours. It syncs nothing. */
export const openCacache: OpenPeer = async (directory) => ({
  put: async (index, bytes) => {
    await cacache.put(directory, `object/${index}`, bytes, { algorithms: ["sha256"] })
  },
  get: async (index) => (await cacache.get(directory, `object/${index}`)).data,
})

/** The physical limit through Node: temporary file, write, sync, rename. No hash, no record. */
function openWriter(sync: "sync" | "datasync"): OpenPeer {
  return async (directory) => {
    await mkdir(directory, { recursive: true })
    return {
      put: async (index, bytes) => {
        const temporary = join(directory, `${index}.tmp`)
        const file = await open(temporary, "wx")
        try {
          await file.write(bytes)
          await file[sync]()
        } finally {
          await file.close()
        }
        await rename(temporary, join(directory, String(index)))
      },
      get: (index) => readFile(join(directory, String(index))),
    }
  }
}

export const openBareLoop = openWriter("datasync")
export const openRawFsync = openWriter("sync")

/** What one writes in ten minutes: the blob by its hash, a JSON file beside it, and hope. It syncs nothing. */
export const openSidecar: OpenPeer = async (directory) => {
  await mkdir(directory, { recursive: true })
  return {
    put: async (index, bytes) => {
      const hash = createHash("sha256").update(bytes).digest("hex")
      const record = { key: `object/${index}`, checksum: `sha256:${hash}`, size: bytes.length, created: Date.now() }
      await writeFile(join(directory, hash), bytes)
      await writeFile(join(directory, `${index}.json`), JSON.stringify(record))
    },
    get: async (index) => {
      const record: unknown = JSON.parse(await readFile(join(directory, `${index}.json`), "utf8"))
      if (typeof record !== "object" || record === null || !("checksum" in record)) throw new Error("bad sidecar")
      return readFile(join(directory, String(record.checksum).slice("sha256:".length)))
    },
  }
}
