/** A real S3 server as a backend that is added by the command line to a running server of its own: kept with its secret sealed, and there again. */
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import type { BackendInfo } from "../../src/store/store.ts"
import { makeBucket } from "../s3-bucket.ts"
import { runProcess } from "./cli-line.ts"
import { temporaryDirectory } from "./open-store.ts"
import { startProcess } from "./server-process.ts"

const ADMIN = "admin-token-0123456789"
const MASTER_KEY = "5e".repeat(32)

test("S3 is added, used, shown without its secrets, and there after a restart with the key", {
  timeout: 180_000,
}, async () => {
  const bucket = await makeBucket()
  onTestFinished(() => bucket.remove())
  const data = await temporaryDirectory()
  const { secretAccessKey } = bucket.server
  const environment = { STORED_DATA: data, STORED_ADMIN_TOKEN: ADMIN, STORED_LOG: "trace" }
  const server = await startProcess({ ...environment, STORED_MASTER_KEY: MASTER_KEY })
  const command = (words: string[], input: string | Buffer = "", url = server.url) =>
    runProcess(words, { env: { STORED_URL: url, STORED_TOKEN: ADMIN }, input })

  const settings = JSON.stringify(bucket.config({ prefix: "of/ours" }))
  const wrong = await command(
    ["backends", "add", "cloud", "--from", "-"],
    settings.replace(secretAccessKey, "nothing-like-it"),
  )
  expect(wrong).toMatchObject({ code: 5, out: "", err: expect.stringContaining("[PERMISSION_DENIED]") })
  const added = await command(["--json", "backends", "add", "cloud", "--from", "-"], settings)
  expect(added).toMatchObject({ code: 0, err: "" })
  const info = JSON.parse(added.out) as BackendInfo
  expect(info).toMatchObject({
    name: "cloud",
    state: "open",
    abilities: { version: 1 },
    config: { credentials: { secretAccessKey: "***" } },
  })
  const stored = await command(
    ["put", "-", "--key", "k", "--backends", "cloud", "--durability", "all"],
    "the quick brown fox",
  )
  expect(stored).toMatchObject({ code: 0 })
  expect(await bucket.keys("of/ours/k")).toEqual(["of/ours/k"])
  const refused = await command(["backends", "rm", "cloud"])
  expect(refused).toMatchObject({ code: 4, err: expect.stringMatching(/^k\n.*\[LAST_COPY\]/) })
  const first = await server.end()

  // Without the key it is unavailable, alone; with it, as it was.
  const without = await startProcess(environment)
  expect(without.welcome).toMatch(/cloud \(s3, (default, )?unavailable\)/)
  const shown = await command(["backends", "show", "cloud"], "", without.url)
  expect(shown).toMatchObject({ code: 0, out: expect.stringContaining("[SECRET_UNAVAILABLE]") })
  const second = await without.end()
  const again = await startProcess({
    ...environment,
    STORED_MASTER_KEY: "aa".repeat(32),
    STORED_MASTER_KEY_OLD: MASTER_KEY,
  })
  const tested = await command(["--json", "backends", "test", "cloud"], "", again.url)
  // Found out anew, and the same.
  const abilities = { ...info.abilities, probed: expect.any(Number) as number }
  expect(JSON.parse(tested.out)).toMatchObject({ state: "open", abilities })
  expect(JSON.parse(tested.out)).not.toHaveProperty("changed")
  expect(await command(["get", "k"], "", again.url)).toMatchObject({ out: "the quick brown fox" })
  const third = await again.end()

  const said = [wrong, added, stored, refused, shown, tested].flatMap(({ out, err }) => [out, err])
  expect([...said, first.err, second.err, third.err].filter((text) => text.includes(secretAccessKey))).toEqual([])
  const names = await readdir(data, { recursive: true, withFileTypes: true })
  for (const entry of names.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name)
    expect([path, (await readFile(path)).includes(secretAccessKey)]).toEqual([path, false])
  }
})
