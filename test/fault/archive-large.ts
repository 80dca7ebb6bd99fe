/**
 * What takes too long for every day: a zip of 70,000 objects, a zip and a tar with a source of 5 GiB, each read by strangers, and the memory that making them takes.
 * `node test/fault/archive-large.ts [folder]`
 */
import { execFile } from "node:child_process"
import { createWriteStream } from "node:fs"
import { mkdtemp, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { promisify } from "node:util"
import type { Metadata } from "../../src/core/metadata.ts"
import { archive } from "../../src/store/archive/archive.ts"
import type { ArchiveOptions, ListedObject, OpenedBlob } from "../../src/store/store.ts"

const run = promisify(execFile)
const LARGE = 5 * 2 ** 30
const PIECE = Buffer.alloc(2 ** 20)

interface Case {
  name: string
  sizes: () => Iterable<number>
  options: ArchiveOptions
  readers: string[][]
}

const unzip = ["unzip", "-tqq"]
const seven = ["7zz", "t", "-bso0", "-bsp0"]
const bsdtar = ["bsdtar", "-tf"]
const CASES: Case[] = [
  {
    name: "70,000 objects, stored",
    sizes: () => Array.from({ length: 70_000 }, () => 100),
    options: { prefix: "", format: "zip" },
    readers: [unzip, seven, bsdtar],
  },
  {
    name: "5 GiB and what follows, stored",
    sizes: () => [1000, LARGE, 1000, 0],
    options: { prefix: "", format: "zip" },
    readers: [unzip, seven, bsdtar],
  },
  {
    name: "5 GiB, deflated",
    sizes: () => [1000, LARGE, 1000],
    options: { prefix: "", format: "zip", compress: 1 },
    readers: [unzip, seven, bsdtar],
  },
  {
    name: "9 GiB and what follows, tar.gz",
    sizes: () => [1000, 9 * 2 ** 30, 1000],
    options: { prefix: "", format: "tar.gz", compress: 1 },
    readers: [["tar", "-tf"], bsdtar],
  },
]

async function make({ name, sizes, options, readers }: Case, folder: string): Promise<void> {
  const all = [...sizes()]
  const keys = all.map((_, index) => `${String(index).padStart(8, "0")}.txt`)
  async function* list(): AsyncGenerator<ListedObject> {
    for (const [index, key] of keys.entries()) yield { ...factsOf(all[index]!), key, checksum: "sha256:0" }
  }
  const open = async (key: string): Promise<OpenedBlob> => {
    const size = all[Number(key.slice(0, 8))]!
    const metadata = { ...factsOf(size), key } as unknown as Metadata
    return { metadata, range: { start: 0, end: size }, servedFrom: "staging", stream: Readable.from(zeros(size)) }
  }
  const began = performance.now()
  const { stream, size } = await archive({ list, open }, options)
  const file = join(folder, `out.${options.format}`)
  await pipeline(stream, createWriteStream(file))
  const took = ((performance.now() - began) / 1000).toFixed(1)
  const written = (await stat(file)).size
  if (size !== null && size !== written) throw new Error(`${name}: ${size} bytes were told, ${written} were written`)
  const rss = Math.round(process.resourceUsage().maxRSS / 1024)
  process.stdout.write(`${name}: ${written} bytes in ${took} s, at most ${rss} MiB of memory until now\n`)
  for (const [program, ...words] of readers) {
    await run(program!, [...words, file], { maxBuffer: 2 ** 28 })
    process.stdout.write(`  ${program}: whole\n`)
  }
  await rm(file)
}

function factsOf(size: number): Omit<ListedObject, "key" | "checksum"> {
  return { size, mimeType: "text/plain", version: 1, created: 0, modified: 1_700_000_000_000 }
}

function* zeros(size: number): Generator<Buffer> {
  for (let left = size; left > 0; left -= PIECE.length) yield left < PIECE.length ? PIECE.subarray(0, left) : PIECE
}

const folder = await mkdtemp(join(process.argv[2] ?? tmpdir(), "stored-archives-"))
try {
  for (const one of CASES) await make(one, folder)
} finally {
  await rm(folder, { recursive: true, force: true })
}
