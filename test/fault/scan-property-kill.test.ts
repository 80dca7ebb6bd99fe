/**
 * A folder under random changes while another process watches and scans it and is killed with SIGKILL, again and again: whoever opens the store afterwards and audits
 * it has the folder in the catalog. `STORED_SCAN_RUNS` and `STORED_SCAN_SEED` as in `test/flow/scan-property.test.ts`.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import fc from "fast-check"
import { expect, it } from "vitest"
import { openStore } from "../../src/compose.ts"
import { FAST_RETRIES, temporaryDirectory } from "../flow/open-store.ts"
import { anyChange, type Change, change, filesOf, provenOf } from "../flow/scan-changes.ts"
import { scanned } from "../flow/scan-steps.ts"

const RUNS = Number(process.env.STORED_SCAN_RUNS ?? 1)
const SEED = process.env.STORED_SCAN_SEED
const CHILD = fileURLToPath(new URL("scan-watch-child.ts", import.meta.url))

/** Lives of the child, each with what changes during it. */
const lives = fc.array(fc.array(anyChange, { minLength: 2, maxLength: 10 }), { minLength: 2, maxLength: 4 })

it("the catalog is the folder after an audit, however often who watched it was killed", {
  timeout: 90_000 + RUNS * 60_000,
}, async () => {
  await fc.assert(fc.asyncProperty(lives, run), {
    numRuns: RUNS,
    endOnFailure: true,
    ...(SEED !== undefined && { seed: Number(SEED) }),
  })
})

async function run(changes: readonly Change[][]): Promise<void> {
  const data = await temporaryDirectory()
  const root = await temporaryDirectory()
  for (const each of changes) await liveThrough(data, root, each)
  const opened = await openStore(
    {
      data,
      backends: { photos: { driver: "fs", root, scan: { prefix: "", every: "off" } }, m: { driver: "memory" } },
      defaultBackends: ["m"],
    },
    FAST_RETRIES,
  )
  try {
    await scanned(opened, "photos", { force: true })
    await scanned(opened, "photos", { force: true })
    expect(provenOf(opened)).toEqual(await filesOf(root))
    for await (const fault of opened.services.catalog.verify()) expect(fault).toBeNull()
  } finally {
    await opened.store.close()
  }
}

/** It watches before anything changes, and dies somewhere in its work. */
async function liveThrough(data: string, root: string, changes: readonly Change[]): Promise<void> {
  const child = fork(CHILD, [data, root], { stdio: ["ignore", "inherit", "inherit", "ipc"] })
  try {
    await watching(child)
    for (const each of changes) await change(root, each)
    child.send("scan")
    for (const each of changes) await change(root, each)
  } finally {
    const dead = once(child, "exit")
    child.kill("SIGKILL")
    await dead
  }
}

function watching(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on("message", ({ watch }: { watch?: { state: string } }) => {
      if (watch?.state === "running") resolve()
    })
    child.once("exit", (code) => reject(new Error(`the child ended by itself (${code})`)))
  })
}
