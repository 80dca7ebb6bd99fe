/** Which directories are flushed with what is placed in them: a power cut must not take a name of the way to it. */
import { fstatSync, statSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, test, vi } from "vitest"
import { ContentDirectories } from "../../src/staging/directories.ts"

const flushed = vi.hoisted(() => [] as number[])

vi.mock(import("../../src/staging/system-calls.ts"), async (original) => ({
  ...(await original()),
  fsync: async (fd: number) => void flushed.push(fstatSync(fd).ino),
}))

test("a directory, and each above it whose own name is not known to be on the disk", async () => {
  const root = await mkdtemp(join(tmpdir(), "stored-test-"))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  const directories = new ContentDirectories(root)
  const flushedFor = async (...paths: string[]): Promise<number[]> => {
    flushed.length = 0
    for (const path of paths) directories.ensure(join(root, path))
    await directories.sync(paths.map((path) => join(root, path)))
    return flushed.toSorted()
  }
  const inodes = (...paths: string[]): number[] => paths.map((path) => statSync(join(root, path)).ino).toSorted()
  expect(await flushedFor("sha256/aa/bb")).toEqual(inodes("sha256/aa/bb", "sha256/aa", "sha256", ""))
  expect(await flushedFor("sha256/aa/bb")).toEqual(inodes("sha256/aa/bb"))
  expect(await flushedFor("sha256/aa/cc", "sha256/dd/ee")).toEqual(
    inodes("sha256/aa/cc", "sha256/aa", "sha256/dd/ee", "sha256/dd", "sha256"),
  )
  // Somebody else has removed directories: nothing is known any more.
  directories.forget()
  expect(await flushedFor("sha256/aa/cc")).toEqual(inodes("sha256/aa/cc", "sha256/aa", "sha256", ""))
})
