/** What the kernel keeps of changes for a watch has a bound: where more came at once than that, it is told that hints may have been lost. */
import { mkdirSync, writeFileSync } from "node:fs"
import { appendFile, mkdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import { EventQueue } from "../../src/backends/fs/event-queue.ts"
import { watchFiles } from "../../src/backends/fs/watch.ts"
import type { StoredError } from "../../src/core/error.ts"
import { after, temporaryDirectory } from "./backend-fs-root.ts"

const QUEUE = 100

async function watched(most?: number) {
  const root = await temporaryDirectory()
  await mkdir(join(root, "dir"))
  await writeFile(join(root, "dir", "before"), "x")
  const queue = new EventQueue(QUEUE)
  const heard = new Map<string, () => void>()
  const missed: StoredError[] = []
  const ended = Promise.withResolvers<StoredError>()
  const firstMiss = Promise.withResolvers<void>()
  const controller = new AbortController()
  after(async () => controller.abort())
  const watcher = await watchFiles(
    {
      root,
      queue,
      onSkip: () => {},
      onEnd: ended.resolve,
      onMiss: (error) => {
        missed.push(error)
        firstMiss.resolve()
      },
      passesOver: (path) => path.startsWith("ignored"),
      ...(most !== undefined && { most }),
    },
    ({ key }) => heard.get(key)?.(),
    controller.signal,
  )
  after(() => watcher.close())
  const hint = (key: string) => new Promise<void>((resolve) => void heard.set(key, resolve))
  return { root, hint, missed, firstMiss: firstMiss.promise, ended: ended.promise, queue }
}

it("a few changes after each other are heard, and nothing is missed", async () => {
  const { root, hint, missed } = await watched()
  for (let index = 0; index < QUEUE; index += 10) {
    const heard = hint(`dir/file-${index}`)
    await writeFile(join(root, "dir", `file-${index}`), "x")
    await heard
  }
  expect(missed).toEqual([])
})

it("a burst of more than fit in is told, and it goes on hearing", async () => {
  const { root, hint, missed, firstMiss } = await watched()
  // Nothing is taken out of the queue until this is done.
  for (let index = 0; index < QUEUE; index += 1) writeFileSync(join(root, "dir", `burst-${index}`), "x")
  await firstMiss
  expect(missed[0]).toMatchObject({
    retryable: true,
    message: expect.stringMatching(/hints may have been lost.*a scan/),
  })
  const heard = hint("dir/before")
  await appendFile(join(root, "dir", "before"), "y")
  await heard
})

it("one queue is that of all watches: a burst below one of them may have cost hints of another", async () => {
  const told: string[] = []
  const queue = new EventQueue(QUEUE)
  for (const name of ["a", "b"]) queue.onFull(() => void told.push(name))
  const end = queue.onFull(() => void told.push("c"))
  end()
  for (let taken = 0; taken < queue.bound; taken += 1) queue.take()
  await new Promise((resolve) => setImmediate(resolve))
  expect(told).toEqual(["a", "b"])
  for (let taken = 0; taken < queue.bound - 1; taken += 1) queue.take()
  await new Promise((resolve) => setImmediate(resolve))
  queue.take()
  await new Promise((resolve) => setImmediate(resolve))
  expect(told).toEqual(["a", "b"])
})

it("a tree with more entries than may be is not watched, and one that outgrows that no longer", async () => {
  await expect(watched(1)).rejects.toMatchObject({
    code: "BACKEND_FULL",
    message: expect.stringMatching(/watchEntries/),
  })
  const { root, ended } = await watched(10)
  // What is passed over does not count.
  mkdirSync(join(root, "ignored"))
  for (let index = 0; index < 20; index += 1) writeFileSync(join(root, "ignored", `f${index}`), "x")
  for (let index = 0; index < 8; index += 1) writeFileSync(join(root, "dir", `f${index}`), "x")
  await rm(join(root, "dir", "f0"))
  writeFileSync(join(root, "dir", "one more"), "x")
  writeFileSync(join(root, "dir", "and another"), "x")
  await expect(ended).resolves.toMatchObject({ code: "BACKEND_FULL" })
})
