/**
 * An existing folder taken in, and once more with nothing changed: beside `find`, `xargs -P2 sha256sum` (the limit), `rclone hashsum`, `git annex add`, `restic backup` and
 * `borg create`, each on the same tree in the same round; and one large file beside `openssl dgst`. The peers' start-up counts, ours does not: it is a library.
 */
import { createWriteStream } from "node:fs"
import { cp, mkdir, mkdtemp, rm, utimes } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { isInstalled, run, shell } from "./command.ts"
import { STARTED } from "./limits.ts"
import { type Contender, find, interleave, type Measured, median, ratio, type Sample, timed } from "./measure.ts"
import { writeScanTree } from "./scan-tree.ts"
import type { Bench, Claim, Section, Subject } from "./subject.ts"

const CHILD = fileURLToPath(new URL("scan-child.ts", import.meta.url))
const OURS = "StoreD scan, sha256"
const OURS_BLAKE3 = "StoreD scan, blake3"
const LIMIT = "limit: find, xargs -P2 sha256sum"
const RCLONE = "rclone hashsum sha256"
const RESTIC = "restic backup"
const BORG = "borg create"
const ANNEX = "git annex add"
const AGAIN = (name: string): string => `${name}: once more, nothing changed`
const FIND = "limit: find -printf"
const MEMORY = (name: string): string => `${name}: memory above idle`

interface Folder {
  root: string
  files: number
  bytes: number
}

export const scan: Subject = {
  name: "scan",
  about: "an existing folder taken in, beside rclone, restic, borg, git-annex and sha256sum",
  measure: async (bench: Bench): Promise<Section[]> => {
    bench.say("scan: writing the tree")
    const root = join(bench.directory, "scan-tree")
    const tree = await writeScanTree(root, bench.quick ? 1_000 : 20_000)
    const sections = [await manyFiles(bench, { root, ...tree })]
    await rm(root, { recursive: true, force: true })
    sections.push(await oneFile(bench))
    return sections
  },
}

async function manyFiles(bench: Bench, tree: Folder): Promise<Section> {
  const contenders = [limit(tree), findAlone(tree), ours(bench, tree, "sha256"), ours(bench, tree, "blake3")]
  const notes: string[] = []
  for (const [program, make] of [
    ["rclone", rclone],
    ["restic", restic],
    ["borg", borg],
    ["git-annex", annex],
  ] as const) {
    if (await isInstalled(program)) contenders.push(make(bench, tree))
    else notes.push(`**${program} is not installed: its rows are missing.**`)
  }
  const title = `scan of ${tree.files} files, ${(tree.bytes / 1e6).toFixed(0)} MB`
  const measured = await interleave(contenders, { ...bench, progress: (line) => bench.say(`${title}: ${line}`) })
  return { title, measured, claims: claims(measured), notes }
}

function claims(measured: Measured[]): Claim[] {
  const has = (name: string): boolean => measured.some((line) => line.name === name)
  const time = (what: string, peer: string, atMost?: number): Claim[] =>
    has(peer)
      ? [
          {
            text: `time of ${what} / ${peer}`,
            value: ratio(measured, peer, what),
            unit: "×",
            ...(atMost !== undefined && { goal: { atMost } }),
          },
        ]
      : []
  const memory = median(find(measured, MEMORY(OURS)).rates)
  return [
    ...time(OURS, RCLONE, 0.8),
    ...time(OURS_BLAKE3, RCLONE, 0.35),
    ...time(OURS, LIMIT),
    ...time(OURS, RESTIC),
    ...time(OURS, BORG),
    ...time(OURS, ANNEX),
    ...time(AGAIN(OURS), AGAIN(RESTIC), 0.5),
    ...time(AGAIN(OURS), AGAIN(BORG)),
    ...time(AGAIN(OURS), AGAIN(ANNEX)),
    ...time(AGAIN(OURS), FIND),
    { text: `${MEMORY(OURS)}, of 200 MiB`, value: memory / 209.7152, unit: "×", goal: { atMost: 1 } },
  ]
}

function ours(bench: Bench, tree: Folder, algorithm: "sha256" | "blake3"): Contender {
  const name = algorithm === "sha256" ? OURS : OURS_BLAKE3
  return {
    name,
    unit: "files/s",
    run: async () => {
      const { first, second, memory } = await child(bench, tree.root, algorithm, tree.files)
      return {
        rate: tree.files / first,
        also: { [AGAIN(name)]: tree.files / second, ...(algorithm === "sha256" && { [MEMORY(name)]: memory / 1e6 }) },
      }
    },
  }
}

async function child(
  bench: Bench,
  folder: string,
  algorithm: string,
  files: number,
): Promise<{ first: number; second: number; memory: number }> {
  const data = await mkdtemp(join(bench.directory, "scan-data-"))
  try {
    return JSON.parse(await run(process.execPath, [...STARTED, CHILD, data, folder, algorithm, String(files)]))
  } finally {
    await rm(data, { recursive: true, force: true })
  }
}

function program(name: string, { files }: Folder, line: string, ...words: string[]): Contender {
  return {
    name,
    unit: "files/s",
    run: async () => ({ rate: files / (await timed(() => shell(line, ...words))) }),
  }
}

function limit(tree: Folder): Contender {
  return program(LIMIT, tree, 'find "$1" -type f -print0 | xargs -0 -P2 -n 256 sha256sum > /dev/null', tree.root)
}

function findAlone(tree: Folder): Contender {
  return program(FIND, tree, 'find "$1" -type f -printf "%p %s %T@ %C@ %i\\n" > /dev/null', tree.root)
}

function rclone(_bench: Bench, tree: Folder): Contender {
  return program(RCLONE, tree, 'rclone hashsum sha256 "$1" > /dev/null', tree.root)
}

/** First and second run on a repository of its own. */
function twice(
  name: string,
  tree: Folder,
  bench: Bench,
  prepare: (place: string) => Promise<unknown>,
  work: (place: string) => Promise<unknown>,
): Contender {
  return {
    name,
    unit: "files/s",
    run: async (): Promise<Sample> => {
      const place = await mkdtemp(join(bench.directory, "scan-peer-"))
      try {
        await prepare(place)
        const first = await timed(() => work(place))
        const second = await timed(() => work(place))
        return { rate: tree.files / first, also: { [AGAIN(name)]: tree.files / second } }
      } finally {
        await shell('chmod -R u+w "$1" && rm -rf "$1"', place)
      }
    },
  }
}

function restic(bench: Bench, tree: Folder): Contender {
  const call = (words: string) => (place: string) =>
    shell(`RESTIC_PASSWORD=x restic --quiet --repo "$1/repo" --cache-dir "$1/cache" ${words}`, place, tree.root)
  return twice(RESTIC, tree, bench, call("init"), call('backup "$2"'))
}

function borg(bench: Bench, tree: Folder): Contender {
  const set = 'export BORG_BASE_DIR="$1" BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes;'
  const call = (words: string) => (place: string) => shell(`${set} borg ${words}`, place, tree.root)
  return twice(BORG, tree, bench, call('init -e none "$1/repo"'), call('create "$1/repo::{now:%H%M%S%f}" "$2"'))
}

/** It works on a tree of its own: it makes links of the files. */
function annex(bench: Bench, tree: Folder): Contender {
  const prepare = async (place: string): Promise<void> => {
    await cp(tree.root, join(place, "tree"), { recursive: true, preserveTimestamps: true })
    await shell(
      'cd "$1/tree" && git init -q . && git config user.email x@x && git config user.name x && git annex init -q x > /dev/null',
      place,
    )
  }
  return twice(ANNEX, tree, bench, prepare, (place) => shell('cd "$1/tree" && git annex add -q . > /dev/null', place))
}

async function oneFile(bench: Bench): Promise<Section> {
  const folder = join(bench.directory, "scan-file")
  await mkdir(folder)
  const path = join(folder, "large.bin")
  const megabytes = bench.quick ? 64 : 4_000
  await writeLarge(path, megabytes)
  const OPENSSL = "openssl dgst -sha256"
  const FILE = "StoreD scan of one file, sha256"
  const contenders: Contender[] = [
    {
      name: OPENSSL,
      unit: "MB/s",
      run: async () => ({ rate: megabytes / (await timed(() => run("openssl", ["dgst", "-sha256", path]))) }),
    },
    {
      name: FILE,
      unit: "MB/s",
      run: async () => ({ rate: megabytes / (await child(bench, folder, "sha256", 1)).first }),
    },
  ]
  const title = `scan of one file of ${megabytes} MB`
  const measured = await interleave(contenders, { ...bench, progress: (line) => bench.say(`${title}: ${line}`) })
  await rm(folder, { recursive: true, force: true })
  const value = ratio(measured, OPENSSL, FILE)
  return {
    title,
    measured,
    claims: [{ text: `time of ${FILE} / ${OPENSSL}`, value, unit: "×", goal: { atMost: 1.1 } }],
  }
}

async function writeLarge(path: string, megabytes: number): Promise<void> {
  const out = createWriteStream(path)
  const piece = Buffer.alloc(1e6)
  for (let index = 0; index < megabytes; index += 1) {
    piece.writeUInt32LE(index)
    if (!out.write(Buffer.from(piece))) await new Promise((resume) => out.once("drain", () => resume(undefined)))
  }
  await new Promise<void>((resolve, reject) => out.end((error?: Error | null) => (error ? reject(error) : resolve())))
  const past = new Date("2020-01-01T00:00:00Z")
  await utimes(path, past, past)
}
