/**
 * The driver on a WebDAV server. Not the whole suite: hundreds of files take minutes there. SFTP has all of it.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import type { FileServer } from "../file-server.ts"
import { startWebdav } from "../webdav-server.ts"
import { batchCases } from "./backend/batch-cases.ts"
import {
  type BackendUnderTest,
  bytes,
  byUtf8,
  contentOf,
  errorOf,
  fill,
  keysOf,
  pattern,
  readAll,
  streamed,
  text,
} from "./backend/harness.ts"
import { readOnlyCases } from "./backend/read-only-cases.ts"

const times = { given: false, precision: 2000, reason: "the server's own time of the write, in whole seconds" }
let server: FileServer
beforeAll(async () => {
  server = await startWebdav()
})
afterAll(() => server.stop())

describe("backend contract: rclone on webdav", () => {
  let current: BackendUnderTest
  beforeEach(async () => {
    current = await server.make()
  })
  afterEach(() => current.dispose())
  const made = (): BackendUnderTest => current

  batchCases({ name: "rclone on webdav", largest: { size: 0 }, times, make: () => server.make() }, made)
  readOnlyCases(made)

  it("keeps bytes, whole and in ranges, and replaces them by others of the same size", async () => {
    const { backend } = made()
    for (const seed of [1, 2, 3]) {
      const content = pattern(700_000, seed)
      await backend.put("a/k", bytes(content))
      expect((await readAll(await backend.get("a/k"))).equals(content)).toBe(true)
      const range = { start: 262_143, end: 524_289 }
      expect(
        (await readAll(await backend.get("a/k", { range }))).equals(content.subarray(range.start, range.end)),
      ).toBe(true)
    }
    expect(await backend.stat("a/k")).toMatchObject({ size: 700_000 })
  })

  it("keeps the old content where a source lies, and leaves no litter", async () => {
    const { backend } = made()
    await backend.put("k", text("old"))
    for (const size of [100_000, 300_001])
      await errorOf(backend.put("k", streamed(pattern(300_000), size)), "SIZE_MISMATCH")
    expect(await contentOf(backend, "k")).toBe("old")
    expect(await made().litter()).toEqual([])
  })

  it("keeps odd keys beside each other, in the order of their bytes", async () => {
    const { backend } = made()
    const keys = [
      "a!",
      "a/b",
      "a b",
      "%2e%2e/%2f",
      "what?",
      "frag#ment",
      "emoji/😀",
      "e\u0301",
      "\u00e9",
      "\uffff",
      "quote'\"`",
    ]
    await fill(backend, keys)
    expect(await keysOf(backend)).toEqual([...keys].sort(byUtf8))
    for (const key of keys) expect(await contentOf(backend, key)).toBe(key)
    expect(await keysOf(backend, { prefix: "a", after: "a!" })).toEqual(["a/b"])
  })

  it("lets no file take the place of a directory with something in it", async () => {
    const { backend } = made()
    await backend.put("a/b", text("below"))
    await errorOf(backend.put("a", text("file")), "BACKEND_REFUSED")
    await errorOf(backend.put("a/b/c", text("farther below")), "BACKEND_REFUSED")
    expect(await contentOf(backend, "a/b")).toBe("below")
    expect(await made().litter()).toEqual([])
  })
})
