/**
 * Puts of one very large file, beside what the machine can do with it: hash it, copy it and sync the copy, both at once. All files lie on
 * one disk and have been read before, so that the source comes from memory for everybody.
 */
import { createReadStream } from "node:fs"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import type { PutInput } from "../src/store/store.ts"
import { run, shell } from "./command.ts"
import { sizeName, writeLargeFile } from "./content.ts"
import { type Contender, interleave, timed } from "./measure.ts"
import { type Bench, type Claim, type Section, timesFaster } from "./subject.ts"
import { openBenchStore, requireRows, type StoreSettings } from "./subject-store.ts"

interface Material {
  /** two files */
  files: [string, string]
  /** their sha256 in hex, as openssl sees them */
  hashes: [string, string]
  /** bytes of each */
  size: number
  directory: string
}

interface OursOptions extends StoreSettings {
  input?: (path: string) => PutInput
  durability?: "os"
  /** files at once */
  at?: 1 | 2
}

const OPENSSL = "openssl dgst -sha256"
const COPY = "cp, sync -d"
/** A file system without O_DIRECT (tmpfs) gets the plain way. */
const DD = 'dd if="$1" of="$2" bs=4M oflag=direct conv=fdatasync 2>/dev/null || dd if="$1" of="$2" bs=4M conv=fdatasync'
const DIRECT = "dd past the page cache, fdatasync"
const COPY_AND_HASH = "cp, sync -d beside openssl dgst"
const LIMIT = "limit: dd past the page cache beside openssl dgst"
const TWO_LIMITS = "limit: two of both at once"

export async function measureGigabyte(bench: Bench, size: number): Promise<Section> {
  const title = `put ${sizeName(size)}`
  bench.say(`${title}: writing two files`)
  const paths = [join(bench.directory, "first"), join(bench.directory, "second")] as const
  const files: [string, string] = [await writeLargeFile(paths[0], size), await writeLargeFile(paths[1], size)]
  const hashes: [string, string] = [await opensslHash(files[0]), await opensslHash(files[1])]
  const material = { files, hashes, size, directory: join(bench.directory, "target") }
  const measured = await interleave(contenders(material), {
    ...bench,
    progress: (line) => bench.say(`${title}: ${line}`),
  })
  await Promise.all(files.map((file) => rm(file)))
  const against = (ours: string, peer: string, goal?: number): Claim => timesFaster(measured, ours, peer, goal)
  return {
    title,
    measured,
    claims: [
      against("StoreD path", OPENSSL, 0.95),
      against("StoreD two paths at once", OPENSSL, 1.8),
      against("StoreD path, blake3", COPY, 0.7),
      against(COPY_AND_HASH, OPENSSL),
      against(LIMIT, OPENSSL),
      against(TWO_LIMITS, OPENSSL),
      against("StoreD path", LIMIT),
      against("StoreD two paths at once", TWO_LIMITS),
      against("StoreD stream", OPENSSL),
      against("StoreD path", COPY),
    ],
    notes: [
      "Two at once: bytes of both in a second, against one openssl. A `limit` is what the machine itself does of the same work with other programs: no put that hashes and syncs can be expected to pass it by much.",
    ],
  }
}

function contenders(material: Material): Contender[] {
  const [first, second] = material.files
  const copies = [`${first}.copy`, `${second}.copy`] as const
  const stream = (path: string): PutInput => createReadStream(path)
  const copy = (index: 0 | 1) => shell('cp "$1" "$2"; sync -d "$2"', material.files[index], copies[index])
  const direct = (index: 0 | 1) => shell(DD, material.files[index], copies[index])
  const remove = () => Promise.all(copies.map((path) => rm(path, { force: true })))
  const command = (name: string, files: number, work: () => Promise<unknown>): Contender => ({
    name,
    unit: "MB/s",
    run: async () => {
      const seconds = await timed(work)
      await remove()
      return { rate: (files * material.size) / 1e6 / seconds }
    },
  })
  return [
    command(OPENSSL, 1, () => opensslHash(first)),
    ours("StoreD path", material, {}),
    command(COPY, 1, () => copy(0)),
    ours("StoreD stream", material, { input: stream }),
    ours("StoreD two paths at once", material, { at: 2 }),
    command(COPY_AND_HASH, 1, () => Promise.all([copy(0), opensslHash(first)])),
    command(DIRECT, 1, () => direct(0)),
    command(LIMIT, 1, () => Promise.all([direct(0), opensslHash(first)])),
    ours("StoreD two streams at once", material, { at: 2, input: stream }),
    command(TWO_LIMITS, 2, () => Promise.all([direct(0), direct(1), opensslHash(first), opensslHash(second)])),
    ours("StoreD path, os", material, { durability: "os" }),
    command("sha256sum", 1, () => run("sha256sum", [first])),
    ours("StoreD path, blake3", material, { algorithm: "blake3" }),
    ours("StoreD stream, blake3", material, { algorithm: "blake3", input: stream }),
    ours("StoreD two paths at once, blake3", material, { algorithm: "blake3", at: 2 }),
    command("cat > /dev/null", 1, () => shell('cat "$1" > /dev/null', first)),
  ]
}

function ours(name: string, material: Material, options: OursOptions): Contender {
  const { files, hashes, size, directory } = material
  const { input = (path: string): PutInput => path, at = 1, durability, ...settings } = options
  const once = async (): Promise<number> => {
    const opened = await openBenchStore(directory, settings)
    const { store } = opened
    try {
      const put = (path: string, index: number) =>
        store.put(input(path), { key: `large/${index}`, ...(durability && { durability }) })
      const chosen = files.slice(0, at)
      const seconds = await timed(() => Promise.all(chosen.map(put)))
      requireRows(opened, at)
      for (const index of chosen.keys()) {
        const metadata = await store.stat(`large/${index}`)
        if (!settings.algorithm && metadata?.id !== `sha256:${hashes[index]}`) throw new Error(`${name}: wrong id`)
        await drain(await store.get(`large/${index}`, { stream: true }), size)
      }
      return seconds
    } finally {
      await store.close()
      await rm(directory, { recursive: true, force: true })
    }
  }
  return { name, unit: "MB/s", run: async () => ({ rate: (at * size) / 1e6 / (await once()) }) }
}

/** Reads to the end; the store itself compares the hash. @throws Error where another number of bytes comes */
async function drain(stream: AsyncIterable<Buffer>, size: number): Promise<void> {
  let bytes = 0
  for await (const chunk of stream) bytes += chunk.length
  if (bytes !== size) throw new Error(`${bytes} bytes were read back instead of ${size}.`)
}

async function opensslHash(path: string): Promise<string> {
  return (await run("openssl", ["dgst", "-sha256", "-r", path])).slice(0, 64)
}
