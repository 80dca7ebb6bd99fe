/** Watches that cannot begin, or break: that is shown with its reason, scans go on finding what changes, and the watch begins anew by itself. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { mkdir, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, it, onTestFinished } from "vitest"
import { StoredError } from "../../src/core/error.ts"
import { openTestStore, temporaryDirectory } from "../flow/open-store.ts"
import { writeResting } from "../flow/resting-file.ts"
import { run } from "../programs.ts"

const CHILD = fileURLToPath(new URL("scan-watch-child.ts", import.meta.url))

async function openWatched(scan: object = {}) {
  const folder = join(await temporaryDirectory(), "folder")
  await mkdir(folder)
  await writeResting(folder, "a", "a")
  const opened = await openTestStore({
    backends: {
      photos: { driver: "fs", root: folder, watch: true, scan: { prefix: "", ...scan } },
      m: { driver: "memory" },
    },
    defaultBackends: ["m"],
  })
  const watch = (): object | undefined => opened.store.getBackend("photos").watch
  await expect.poll(watch).toMatchObject({ state: "running", error: null })
  return { ...opened, folder, watch }
}

it("a root that goes ends the watch; once it is back, what was missed is found", { timeout: 30_000 }, async () => {
  const opened = await openWatched()
  const { store, folder, watch } = opened
  await expect.poll(() => store.scanStatus("photos").state).toBe("done")
  await rename(folder, `${folder}-away`)
  await expect.poll(watch, { timeout: 5_000 }).toMatchObject({
    state: "failed",
    error: { code: "BACKEND_UNAVAILABLE", message: expect.stringMatching(/mount its disk/) },
  })
  await writeResting(`${folder}-away`, "missed", "missed")
  await rename(`${folder}-away`, folder)
  await expect.poll(watch, { timeout: 10_000 }).toMatchObject({ state: "running", error: null })
  await expect.poll(() => store.stat("missed"), { timeout: 5_000 }).toMatchObject({ state: "ACTIVE" })
  // It hears again.
  const { number } = store.scanStatus("photos")
  await writeResting(folder, "heard", "heard")
  await expect.poll(() => store.stat("heard"), { timeout: 5_000 }).toMatchObject({ state: "ACTIVE" })
  expect(store.scanStatus("photos").number).toBe(number)
})

it("scans that only people begin are not begun for a watch that has missed something", {
  timeout: 30_000,
}, async () => {
  const { store, services, folder, watch } = await openWatched({ every: "off" })
  await rename(folder, `${folder}-away`)
  await expect.poll(watch, { timeout: 5_000 }).toMatchObject({ state: "failed" })
  await rename(`${folder}-away`, folder)
  await expect.poll(watch, { timeout: 10_000 }).toMatchObject({ state: "running" })
  await services.scans.missed("photos")
  expect(store.scanStatus("photos")).toMatchObject({ number: 0 })
})

it("while a watch does not run, audits come each hour", { timeout: 30_000 }, async () => {
  const { store, services, folder, watch } = await openWatched()
  await expect.poll(() => store.scanStatus("photos")).toMatchObject({ number: 1, state: "done" })
  const hour = services.clock.now() + 3_600_001
  services.clock.now = () => hour
  await services.scans.audit()
  expect(store.scanStatus("photos")).toMatchObject({ number: 1 })
  const { backend } = services.backends.get("photos")
  backend.watch = async () => {
    throw new StoredError("BACKEND_FULL", "No more watches.")
  }
  await rename(folder, `${folder}-away`)
  await expect
    .poll(watch, { timeout: 10_000 })
    .toMatchObject({ state: "failed", error: { message: "No more watches." } })
  await rename(`${folder}-away`, folder)
  await services.scans.audit()
  await expect.poll(() => store.scanStatus("photos")).toMatchObject({ number: 2, state: "done" })
})

it("where the system gives no more watches, that is said, scans go on, and it begins once there are some", {
  timeout: 60_000,
}, async () => {
  const folder = await temporaryDirectory()
  const data = join(await temporaryDirectory(), "data")
  const below = (index: number): string => join(folder, `d${index}`)
  for (let index = 0; index < 20; index += 1) {
    await mkdir(below(index))
    await writeResting(below(index), "file", `content ${index}`)
  }
  const limited = 'echo 12 > /proc/sys/user/max_inotify_watches && exec "$0" "$@"'
  const child = fork(CHILD, [data, folder], {
    execPath: "unshare",
    execArgv: ["--user", "--map-root-user", "sh", "-c", limited, process.execPath],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  })
  onTestFinished(async () => {
    if (child.exitCode === null && child.kill("SIGKILL")) await once(child, "exit")
  })
  const told: { watch?: { state: string; code: string | null }; scanned?: number; found?: number }[] = []
  child.on("message", (message) => void told.push(message as (typeof told)[number]))
  const watch = () => told.findLast((each) => each.watch)?.watch
  await expect.poll(watch, { timeout: 15_000 }).toMatchObject({
    state: "failed",
    code: "BACKEND_FULL",
    message: expect.stringMatching(/raise fs\.inotify\.max_user_watches/),
  })
  await writeResting(folder, "new", "new")
  child.send("scan")
  await expect.poll(() => told.at(-1)?.scanned, { timeout: 15_000 }).toBe(21)
  for (let index = 5; index < 20; index += 1) await rm(below(index), { recursive: true })
  await expect.poll(watch, { timeout: 20_000 }).toMatchObject({ state: "running", code: null })
  const before = told.length
  await writeFile(join(below(0), "heard"), "heard")
  await expect.poll(() => told.slice(before).some(({ found }) => found === 1), { timeout: 10_000 }).toBe(true)
})

it.runIf(process.platform === "linux")("the limit of that test is one that holds here", async () => {
  const said = await run("unshare", [
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    "echo 12 > /proc/sys/user/max_inotify_watches; cat /proc/sys/user/max_inotify_watches",
  ])
  expect(said).toMatchObject({ stdout: "12\n" })
})
