/** Archives as strangers read them: unzip, 7-Zip, bsdtar, GNU tar. What they extract is what was put, and stays inside the folder. */
import { createWriteStream } from "node:fs"
import { mkdir, readdir, readFile, stat } from "node:fs/promises"
import { join } from "node:path"
import { buffer } from "node:stream/consumers"
import { pipeline } from "node:stream/promises"
import { beforeAll, describe, expect, it } from "vitest"
import type { ArchiveFormat, ArchiveOptions, Store } from "../../src/store/store.ts"
import { provideProgram, run } from "../programs.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"

beforeAll(async () => {
  await provideProgram("unzip", ["-v"], "unzip")
  await provideProgram("7zz", ["i"], "7zip")
  await provideProgram("bsdtar", ["--version"], "libarchive-tools")
}, 180_000)

/** How each is asked whether a file is whole, and to extract it. */
const READERS: [
  name: string,
  formats: ArchiveFormat[],
  test: string[],
  extract: (file: string, to: string) => string[],
][] = [
  ["unzip", ["zip"], ["unzip", "-tq"], (file, to) => ["unzip", "-q", file, "-d", to]],
  ["7-Zip", ["zip", "tar"], ["7zz", "t"], (file, to) => ["7zz", "x", file, `-o${to}`]],
  ["bsdtar", ["zip", "tar", "tar.gz"], ["bsdtar", "-tf"], (file, to) => ["bsdtar", "-xf", file, "-C", to]],
  ["tar", ["tar", "tar.gz"], ["tar", "-tf"], (file, to) => ["tar", "-xf", file, "-C", to]],
]

const LONG = `${"n".repeat(150)}/${"m".repeat(230)}.txt`
/** Key under `p/`, what its file is called, and what it holds. */
const OBJECTS: [key: string, name: string, content: Buffer][] = [
  ["plain.txt", "plain.txt", Buffer.from("text ".repeat(50_000))],
  ["photo.jpg", "photo.jpg", Buffer.alloc(300_000, "jpeg")],
  ["empty", "empty", Buffer.alloc(0)],
  ["ünï/日本.txt", "ünï/日本.txt", Buffer.from("letters")],
  [LONG, LONG, Buffer.from("long")],
  ["block", "block", Buffer.alloc(512, 7)],
  ["C:\\windows\\..\\evil", "C__windows_.._evil", Buffer.from("hostile")],
  ["-rf", "-rf", Buffer.from("dash")],
  ["$(touch x);`id`", "$(touch x);`id`", Buffer.from("shell")],
  ["NUL.txt", "_NUL.txt", Buffer.from("device")],
  ["a/.. /x", "a/___/x", Buffer.from("climbs on Windows")],
  ["x", "x", Buffer.from("file")],
  ["x/y", "x (2)/y", Buffer.from("folder of the same name")],
]

async function filled(): Promise<Store> {
  const { store } = await openTestStore()
  for (const [key, , content] of OBJECTS) await store.put(content, { key: `p/${key}` })
  return store
}

async function written(store: Store, file: string, options: ArchiveOptions): Promise<number | null> {
  const { stream, size } = await store.archive(options)
  await pipeline(stream, createWriteStream(file))
  return size
}

/** Every file below a folder, by its path there. */
async function tree(root: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name))
  return new Map(
    await Promise.all(files.map(async (path) => [path.slice(root.length + 1), await readFile(path)] as const)),
  )
}

describe("an archive of a folder", () => {
  it.each<[ArchiveFormat, number]>([
    ["zip", 0],
    ["zip", 6],
    ["tar", 0],
    ["tar.gz", 1],
  ])("as %s, compressed by %i, is whole for everybody, and holds what was put", async (format, compress) => {
    const store = await filled()
    const folder = await temporaryDirectory()
    const file = join(folder, `out.${format}`)
    const size = await written(store, file, { prefix: "p/", format, compress })
    if (compress === 0) expect(size).toBe((await stat(file)).size)
    else expect(size).toBeNull()
    for (const [name, , test, extract] of READERS.filter(([, formats]) => formats.includes(format))) {
      await run(test[0]!, [...test.slice(1), file])
      const to = join(folder, "a", "b", name)
      await mkdir(to, { recursive: true })
      const [program, ...words] = extract(file, to)
      await run(program!, words, { env: { ...process.env, LC_ALL: "C.UTF-8" } })
      const found = await tree(to)
      expect([...found.keys()].sort(), name).toEqual(OBJECTS.map(([, path]) => path).sort())
      for (const [, path, content] of OBJECTS) expect(found.get(path)?.equals(content), `${name}: ${path}`).toBe(true)
      // Nothing beside the folder that was named.
      expect(await readdir(join(folder, "a")), name).toEqual(["b"])
    }
  })

  it("read from a pipe, from its beginning to its end, is whole too", async () => {
    const store = await filled()
    for (const [format, compress] of [
      ["zip", 6],
      ["tar", 0],
    ] as const) {
      const bytes = await buffer((await store.archive({ prefix: "p/", format, compress })).stream)
      const listing = run("bsdtar", ["-tf", "-"], { env: { ...process.env, LC_ALL: "C.UTF-8" } })
      listing.child.stdin?.end(bytes)
      expect((await listing).stdout.trimEnd().split("\n")).toHaveLength(OBJECTS.length)
    }
  })

  it("has the times of the objects", async () => {
    const store = await filled()
    const folder = await temporaryDirectory()
    const [object] = await Array.fromAsync(store.list({ prefix: "p/empty" }))
    const modified = Math.floor(object!.modified / 1000) * 1000
    for (const format of ["zip", "tar"] as const) {
      const file = join(folder, `out.${format}`)
      await written(store, file, { keys: ["p/empty"], format })
      await run("bsdtar", ["-xf", file, "-C", folder])
      expect((await stat(join(folder, "p", "empty"))).mtimeMs).toBe(modified)
    }
  })
})

describe("what is in it", () => {
  const names = async (store: Store, options: ArchiveOptions): Promise<string[]> => {
    const file = join(await temporaryDirectory(), "out.tar")
    await written(store, file, { ...options, format: "tar" })
    return (await run("tar", ["-tf", file])).stdout.trimEnd().split("\n")
  }

  it("is named relative to the folder of the prefix, and keys by themselves", async () => {
    const { store } = await openTestStore()
    for (const key of ["top", "a/b/c1", "a/b/c2", "a/bc"]) await store.put(Buffer.from(key), { key })
    expect(await names(store, { prefix: "" })).toEqual(["a/b/c1", "a/b/c2", "a/bc", "top"])
    expect(await names(store, { prefix: "a/b/" })).toEqual(["c1", "c2"])
    expect(await names(store, { prefix: "a/b" })).toEqual(["b/c1", "b/c2", "bc"])
    expect(await names(store, { keys: ["top", "a/b/c2", "top"] })).toEqual(["top", "a/b/c2"])
  })

  it("is refused before the first byte where something is not there, or is asked for in vain", async () => {
    const { store } = await openTestStore()
    await store.put(Buffer.from("x"), { key: "there" })
    await expect(store.archive({ keys: ["there", "gone", "away"] })).rejects.toMatchObject({
      code: "NOT_FOUND",
      details: { keys: ["gone", "away"], count: 2 },
    })
    await expect(store.archive({ prefix: "none/" })).rejects.toMatchObject({ code: "NOT_FOUND" })
    for (const options of [
      {},
      { keys: [] },
      { keys: ["there"], prefix: "" },
      { prefix: "", format: "rar" },
      { prefix: "", compress: 10 },
      { prefix: "", format: "tar", compress: 6 },
      { prefix: "", name: 7 },
    ])
      await expect(store.archive(options as ArchiveOptions)).rejects.toMatchObject({ code: "INVALID_INPUT" })
    await expect(store.archive({ keys: ["../x"] })).rejects.toMatchObject({ code: "INVALID_KEY" })
  })

  it("is called after its folder, or as told", async () => {
    const { store } = await openTestStore()
    await store.put(Buffer.from("x"), { key: "photos/2024/a" })
    const nameOf = async (options: ArchiveOptions): Promise<string> => {
      const { name, stream } = await store.archive(options)
      stream.destroy()
      return name
    }
    expect(await nameOf({ prefix: "photos/2024/" })).toBe("2024.zip")
    expect(await nameOf({ prefix: "photos/2" })).toBe("photos.zip")
    expect(await nameOf({ prefix: "", format: "tar.gz" })).toBe("archive.tar.gz")
    expect(await nameOf({ keys: ["photos/2024/a"], name: "a/../b.ZIP" })).toBe("a_.._b.ZIP")
  })
})
