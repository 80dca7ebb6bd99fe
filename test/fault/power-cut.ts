/**
 * A power cut, for real: staging on a file system of its own (ext4 or xfs on a loop device) that is shut down without flushing its journal while 16 receives
 * are under way. Whatever was acknowledged before must be readable after `recover`.
 *
 *   node test/fault/power-cut.ts [rounds] [ext4|xfs]        needs root, losetup, mkfs and xfs_io (xfsprogs)
 *
 * The last round is the control: nothing is made durable there, so bytes must be lost, or the cut was none. Prints a line a round; exits 1 on a fault.
 */
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { createHashers } from "../../src/checksums/hashers.ts"
import { type BlobId, isBlobId } from "../../src/core/blob-id.ts"
import { ContentStaging } from "../../src/staging/content-staging.ts"
import { TestLedger } from "../contract/staging-ledger.ts"

const ROUNDS = Number(process.argv[2] ?? 10)
const FILE_SYSTEM = process.argv[3] ?? "ext4"
const WRITER = new URL("./staging-writer.ts", import.meta.url).pathname
const IMAGE_BYTES = 2 * 2 ** 30

const hashers = await createHashers()

interface Outcome {
  acknowledged: number
  restored: number
  /** ids that cannot be read any more */
  lost: BlobId[]
}

/** Writes, cuts the power after so many acknowledgements, mounts again, recovers, compares. */
async function round(after: number, mode: "durable" | "os"): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), "stored-power-cut-"))
  const image = join(directory, "image")
  const mount = join(directory, "mount")
  writeFileSync(image, "")
  truncateSync(image, IMAGE_BYTES)
  execFileSync(`mkfs.${FILE_SYSTEM}`, ["-q", image])
  execFileSync("mkdir", [mount])
  const device = execFileSync("losetup", ["--find", "--show", image], { encoding: "utf8" }).trim()
  try {
    execFileSync("mount", [device, mount])
    const acknowledged = await writeUntilCut(mount, after, mode)
    execFileSync("umount", [mount])
    execFileSync("mount", [device, mount])
    return await compare(mount, acknowledged)
  } finally {
    execFileSync("umount", [mount])
    execFileSync("losetup", ["--detach", device])
    rmSync(directory, { recursive: true })
  }
}

async function writeUntilCut(mount: string, after: number, mode: string): Promise<Map<BlobId, number>> {
  const writer = spawn(process.execPath, [WRITER, join(mount, "staging"), mode], {
    stdio: ["ignore", "pipe", "ignore"],
  })
  const exited = once(writer, "exit")
  const acknowledged = new Map<BlobId, number>()
  for await (const line of createInterface(writer.stdout)) {
    const [id = "", size] = line.split(" ")
    if (isBlobId(id) && size !== undefined) acknowledged.set(id, Number(size))
    if (acknowledged.size !== after) continue
    // Its own shutdown call, with the flag that leaves the journal unflushed.
    execFileSync("xfs_io", ["-x", "-c", "shutdown", mount])
    writer.kill("SIGKILL")
  }
  await exited
  return acknowledged
}

async function compare(mount: string, acknowledged: Map<BlobId, number>): Promise<Outcome> {
  const staging = new ContentStaging({
    directory: join(mount, "staging"),
    maxSize: null,
    minFree: 0,
    evict: false,
    hashers,
    ledger: new TestLedger(),
    clock: { now: () => Date.now() },
  })
  await staging.open()
  const { restored } = await staging.recover((id) => acknowledged.has(id))
  const lost: BlobId[] = []
  for (const [id, size] of acknowledged) if ((await staging.check(id, size)) !== "good") lost.push(id)
  await staging.close()
  return { acknowledged: acknowledged.size, restored, lost }
}

let faults = 0
for (let index = 1; index <= ROUNDS; index += 1) {
  const { acknowledged, restored, lost } = await round(20 + Math.floor(Math.random() * 3000), "durable")
  console.log(
    `${FILE_SYSTEM} cut ${index}: ${acknowledged} acknowledged, ${restored} written again from the log, ${lost.length} lost`,
  )
  faults += lost.length
}
const control = await round(1000, "os")
console.log(
  `${FILE_SYSTEM} control, nothing flushed: ${control.acknowledged} acknowledged, ${control.lost.length} lost`,
)
if (control.lost.length === 0)
  console.error("The control lost nothing: the cut was none, and the rounds above prove nothing.")
process.exit(faults > 0 || control.lost.length === 0 ? 1 : 0)
