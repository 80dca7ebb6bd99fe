/** A small file that changes between the first and the last look at it, by a file system that lets somebody in after each read. */
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeEach, expect, it, vi } from "vitest"
import { openInput } from "../../src/store/input.ts"

const { between } = vi.hoisted(() => ({ between: { run: (): void => {} } }))

vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>()
  const { promisify } = await import("node:util")
  const read = Object.assign(() => {}, {
    [promisify.custom]: async (...all: Parameters<typeof readDescriptor>) => {
      const result = await readDescriptor(...all)
      between.run()
      return result
    },
  })
  const readDescriptor = promisify(fs.read)
  return { ...fs, read }
})

const directory = mkdtempSync(join(tmpdir(), "stored-input-changing-"))
const path = join(directory, "file")
afterAll(() => rmSync(directory, { recursive: true }))
beforeEach(() => {
  writeFileSync(path, "0123456789")
  utimesSync(path, 1000, 1000)
})

it.each([
  ["overwritten at the same size", "abcdefghij"],
  ["longer", "0123456789abc"],
  ["shorter", "0"],
])("is refused where it is %s", async (_, content) => {
  between.run = () => writeFileSync(path, content)
  await expect(openInput(path)).rejects.toMatchObject({ code: "SOURCE_FAILED", retryable: true })
})

it("is taken where nobody came in", async () => {
  between.run = () => {}
  expect(Buffer.from((await openInput(path)).source.bytes!).toString()).toBe("0123456789")
})
