/**
 * A tree of 20,000 files: put by path, 32 at a time, and carried to an fs backend on the same disk until the store is idle, beside
 * `rclone copy --checksum` of it. rclone makes one copy and syncs nothing; ours makes two, syncs them, and reads back what it wrote; the limit is a
 * loop that does the same to the files and keeps no record, once with its syncs and once without. As with the other puts, nothing is deleted between rounds.
 */
import { mkdtemp } from "node:fs/promises"
import { join } from "node:path"
import { isInstalled, run, shell } from "./command.ts"
import { type Contender, inFlight, interleave, type Measured, ratio, type Sample, timed } from "./measure.ts"
import type { Bench, Claim, Section, Subject } from "./subject.ts"
import { BACKEND, openBenchStore } from "./subject-store.ts"
import { requireSameTree, type Tree, writeTree } from "./tree.ts"
import { copyBarely } from "./tree-limit.ts"

export const syncTree: Subject = {
  name: "sync-tree",
  about: "20,000 files put and synced to an fs backend, beside rclone copy --checksum",
  measure: async (bench: Bench): Promise<Section[]> => {
    const hasRclone = await provideRclone(bench)
    bench.say("tree: writing it")
    const tree = await writeTree(join(bench.directory, "tree"), bench.quick ? 2000 : 20_000)
    const { directory } = bench
    const limits = [limit(LIMIT, tree, directory, true), limit(UNSYNCED, tree, directory, false)]
    const contenders = [...(hasRclone ? [rclone(tree, directory)] : []), ...limits, ours(tree, directory)]
    const title = `tree of ${tree.files.length} files, ${(tree.bytes / 1e6).toFixed(0)} MB`
    const measured = await interleave(contenders, { ...bench, progress: (line) => bench.say(`${title}: ${line}`) })
    const notes = hasRclone ? [] : ["**rclone is not installed: its row and the goal against it are missing.**"]
    return [{ title, measured, claims: claims(measured, hasRclone), notes }]
  },
}

const RCLONE = "rclone copy --checksum (syncs nothing)"
const SYNCED = "StoreD put and synced"
const LIMIT = "limit: a bare loop of the same file work"
const UNSYNCED = "limit: the same loop, syncing nothing"
const PUT = "StoreD put alone, the sync beside it"

function claims(measured: Measured[], hasRclone: boolean): Claim[] {
  const time = (what: string, peer: string, goal?: Claim["goal"]): Claim => ({
    text: `time of ${what} / ${peer}`,
    value: ratio(measured, peer, what),
    unit: "×",
    ...(goal && { goal }),
  })
  const beside = hasRclone
    ? [time(SYNCED, RCLONE, { atMost: 3 }), time(PUT, RCLONE), time(LIMIT, RCLONE), time(UNSYNCED, RCLONE)]
    : []
  return [...beside, time(SYNCED, LIMIT)]
}

function limit(name: string, tree: Tree, directory: string, sync: boolean): Contender {
  return {
    name,
    unit: "files/s",
    run: async () => {
      const target = await mkdtemp(join(directory, "limit-"))
      const seconds = await timed(() => copyBarely(tree, target, sync))
      await requireSameTree(tree, join(target, "copy"))
      return { rate: tree.files.length / seconds }
    },
  }
}

function rclone(tree: Tree, directory: string): Contender {
  return {
    name: RCLONE,
    unit: "files/s",
    run: async () => {
      const target = await mkdtemp(join(directory, "rclone-"))
      const seconds = await timed(() => run("rclone", ["copy", "--checksum", tree.root, target]))
      await requireSameTree(tree, target)
      return { rate: tree.files.length / seconds }
    },
  }
}

function ours(tree: Tree, directory: string): Contender {
  const once = async (): Promise<Sample> => {
    const target = await mkdtemp(join(directory, "ours-"))
    const opened = await openBenchStore(target, { work: true })
    const { store, services } = opened
    const count = tree.files.length
    try {
      let putting = 0
      const seconds = await timed(async () => {
        putting = await timed(() =>
          inFlight(32, count, (index) => {
            const { name } = tree.files[index]!
            return store.put(join(tree.root, name), { key: name })
          }),
        )
        await store.idle()
      })
      const { objects, outbox, syncsCompleted } = services.catalog.counters()
      if (objects !== count || outbox !== 0 || syncsCompleted !== count) {
        throw new Error(`Of ${count} files ${objects} are put, ${syncsCompleted} synced, ${outbox} still to do.`)
      }
      await requireSameTree(tree, join(target, BACKEND))
      return { rate: count / seconds, also: { [PUT]: count / putting } }
    } finally {
      await store.close()
    }
  }
  return { name: SYNCED, unit: "files/s", run: once }
}

async function provideRclone(bench: Bench): Promise<boolean> {
  if (await isInstalled("rclone")) return true
  if (process.getuid?.() === 0 && (await isInstalled("apt-get"))) {
    bench.say("rclone is missing: installing it by apt-get install rclone")
    const failure = await shell("apt-get update -q && apt-get install -q -y rclone").then(
      () => null,
      (error: unknown) => error,
    )
    if (failure === null) return true
    bench.say(`that failed: ${failure instanceof Error ? failure.message : failure}`)
  }
  bench.say("RCLONE IS MISSING: install it to compare with it; its row is left out")
  return false
}
