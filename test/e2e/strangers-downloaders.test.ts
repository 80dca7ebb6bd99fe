/** Programs that fetch large files: aria2c by many connections at once, wget where it stopped. */
import { randomBytes } from "node:crypto"
import { readFile, stat, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { beforeAll, expect, it } from "vitest"
import { provideProgram, run } from "../programs.ts"
import { give, type StrangersServer, startServer } from "./strangers-server.ts"

let server: StrangersServer
beforeAll(async () => {
  await provideProgram("aria2c", ["--version"], "aria2")
  await provideProgram("wget", ["--version"], "wget")
  server = await startServer()
}, 180_000)

it("aria2c gets the same bytes by eight connections", async () => {
  const bytes = randomBytes(16 * 2 ** 20)
  const etag = await give(server, "films/film.mkv", bytes)
  const checksum = etag.slice('"sha256:'.length, -1)
  const { stdout } = await run(
    "aria2c",
    // Slow enough that all are at it before one has done the work of others; without a file of settings that may lie on this machine.
    [
      "--no-conf",
      "-x8",
      "-s8",
      "-k1M",
      "--max-overall-download-limit=8M",
      "--file-allocation=none",
      `--checksum=sha-256=${checksum}`,
    ].concat(["--log=-", "--log-level=info", "-d", server.folder, "-o", "film.mkv", server.at("films/film.mkv")]),
    { maxBuffer: 64 * 1024 * 1024 },
  )
  expect((await readFile(join(server.folder, "film.mkv"))).equals(bytes)).toBe(true)
  const ranges = new Set([...stdout.matchAll(/^content-range: (bytes \d+-\d+)/gim)].map((match) => match[1]))
  expect(ranges.size).toBeGreaterThanOrEqual(7)
})

it("wget goes on with half a file, and leaves a whole one alone", async () => {
  const bytes = randomBytes(4_000_000)
  await give(server, "half.mkv", bytes)
  const file = join(server.folder, "half.mkv")
  await writeFile(file, bytes.subarray(0, 2_000_000))
  const get = ["--no-config", "-nv", "-S", "-c", "-O", file, server.at("half.mkv")]
  const { stderr } = await run("wget", get)
  expect(stderr).toContain("206 Partial Content")
  expect(stderr).toMatch(/content-range: bytes 2000000-3999999\/4000000/i)
  expect((await readFile(file)).equals(bytes)).toBe(true)
  const again = await run("wget", get)
  expect(again.stderr).toContain("416 Range Not Satisfiable")
  expect((await readFile(file)).equals(bytes)).toBe(true)
})

it("wget -N leaves alone what it has got already, and gets what has changed", async () => {
  await give(server, "news.txt", "first")
  const get = ["--no-config", "-nv", "-S", "-N", "-P", server.folder, server.at("news.txt")]
  await run("wget", get)
  const file = join(server.folder, "news.txt")
  const { mtimeMs } = await stat(file)
  const again = await run("wget", get)
  expect(again.stderr).toContain("304 Not Modified")
  expect(await readFile(file, "utf8")).toBe("first")
  // As a file that was got before the object was put again.
  await give(server, "news.txt", "second")
  await utimes(file, new Date(mtimeMs - 60_000), new Date(mtimeMs - 60_000))
  await run("wget", get)
  expect(await readFile(file, "utf8")).toBe("second")
})
