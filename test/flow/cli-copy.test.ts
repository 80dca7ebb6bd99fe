/** `stored cp`, `stored mv` and `stored rm -r` between folders of this machine and a store. */
import { execFileSync } from "node:child_process"
import { mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { describe, expect, it } from "vitest"
import { StoredError } from "../../src/core/error.ts"
import { keysOf, openLine, parsed } from "./cli-folder.ts"
import { temporaryDirectory } from "./open-store.ts"

const open = () => openLine({ backends: { a: { driver: "memory" } } })

async function tree(files: Record<string, string>): Promise<string> {
  const folder = await temporaryDirectory()
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, ".."), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

describe("into the store", () => {
  it("copies a file under its own name or another, and a folder's content", async () => {
    const line = await open()
    const folder = await tree({ "a.txt": "1", "sub/b.txt": "2" })
    const said = await line.run(["cp", join(folder, "a.txt"), ":x/"])
    expect(said).toEqual({
      code: 0,
      out: `copied   ${join(folder, "a.txt")} -> :x/a.txt  1 B\n1 done, 1 B\n`,
      err: "",
    })
    await line.run(["cp", join(folder, "a.txt"), ":named"])
    await line.run(["cp", "-r", folder, ":tree"])
    await line.run(["cp", join(folder, "a.txt"), ":"])
    expect(await keysOf(line)).toEqual(["a.txt", "named", "tree/a.txt", "tree/sub/b.txt", "x/a.txt"])
    expect((await line.store.stat("tree/a.txt"))!.locations).toMatchObject([{ synced: true }])
  })

  it("leaves what is there with the same content, and replaces other content, unless told otherwise", async () => {
    const line = await open()
    const folder = await tree({ same: "1", other: "2" })
    await line.store.put(Buffer.from("1"), { key: "t/same" })
    await line.store.put(Buffer.from("x"), { key: "t/other" })
    const copy = async (...words: string[]) => {
      const records = parsed((await line.run(["--json", "cp", "-r", folder, ":t/", ...words])).out)
      return records.slice(0, -1).map(({ to, outcome }) => `${to} ${outcome}`)
    }
    expect((await copy("--skip-existing")).sort()).toEqual([":t/other skipped", ":t/same skipped"])
    expect((await copy()).sort()).toEqual([":t/other copied", ":t/same skipped"])
    expect(await line.store.get("t/other")).toEqual(Buffer.from("2"))
    expect((await copy("--force")).sort()).toEqual([":t/other copied", ":t/same copied"])
    expect(parsed((await line.run(["--json", "cp", "-r", folder, ":t/"])).out).at(-1)).toEqual({
      done: 0,
      skipped: 2,
      failed: 0,
      bytes: 0,
    })
  })

  it("tells what it passes over, goes on after what fails, and ends with its code", async () => {
    const line = await open()
    const folder = await tree({ good: "1", "bad\n": "2" })
    await symlink("good", join(folder, "link"))
    execFileSync("mkfifo", [join(folder, "pipe")])
    const said = await line.run(["cp", "-r", folder, ":t/"])
    expect(said.code).toBe(2)
    expect(said.err.trimEnd().split("\n").sort()).toEqual([
      expect.stringMatching(/bad to :t\/bad : Invalid key: .*\[INVALID_KEY\]$/),
      `stored: skipped ${folder}/link: a symbolic link`,
      `stored: skipped ${folder}/pipe: not a regular file`,
    ])
    expect(await keysOf(line)).toEqual(["t/good"])
    expect(said.out).toMatch(/1 done, 1 B; 1 failed\n$/)
  })

  it("has at most as many under way as told", async () => {
    const line = await open()
    const folder = await tree(Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`${index}`, `${index}`])))
    let running = 0
    let most = 0
    const access = {
      ...line.access,
      put: async (...words: Parameters<typeof line.access.put>) => {
        running += 1
        most = Math.max(most, running)
        const result = await line.access.put(...words)
        running -= 1
        return result
      },
    }
    expect((await line.run(["cp", "-r", folder, ":", "-j", "3"], { access })).code).toBe(0)
    expect(most).toBe(3)
  })
})

describe("out of the store", () => {
  it("copies an object or a folder, makes folders on the way, and leaves what is the same", async () => {
    const line = await open()
    for (const key of ["p/a", "p/deep/er/b", "q"]) await line.store.put(Buffer.from(key), { key })
    const target = await temporaryDirectory()
    await line.run(["cp", ":q", target])
    await line.run(["cp", ":q", join(target, "named")])
    expect((await line.run(["cp", "-r", ":p/", join(target, "new", "one")])).code).toBe(0)
    expect(await filesOf(target)).toEqual(["named", "new/one/a", "new/one/deep/er/b", "q"])
    expect(await readFile(join(target, "new/one/deep/er/b"), "utf8")).toBe("p/deep/er/b")
    await writeFile(join(target, "new/one/a"), "x/a")
    const { mtimeMs } = await stat(join(target, "new/one/deep/er/b"))
    expect((await line.run(["cp", "-r", ":p", join(target, "new", "one")])).out).toMatch(
      /1 done, 3 B; 1 were there already/,
    )
    expect(await readFile(join(target, "new/one/a"), "utf8")).toBe("p/a")
    expect((await stat(join(target, "new/one/deep/er/b"))).mtimeMs).toBe(mtimeMs)
  })

  it("writes nothing outside of its target, whatever a server calls its objects", async () => {
    const line = await open()
    const around = await temporaryDirectory()
    const [target, outside] = [join(around, "target"), join(around, "outside")]
    await mkdir(target)
    await mkdir(outside)
    await symlink(outside, join(target, "link"))
    await symlink(join(outside, "file"), join(target, "final"))
    await line.store.put(Buffer.from("x"), { key: "real" })
    const keys = ["p/../../evil", "p//evil", "p/link/evil", "p/a/../../../evil", "p/final", "p/good"]
    const access = {
      ...line.access,
      list: async function* () {
        for (const key of keys) yield { key } as never
      },
      stat: () => line.access.stat("real"),
      open: () => line.access.open("real"),
    }
    const said = await line.run(["cp", "-r", ":p/", target], { access })
    expect(said.code).toBe(2)
    expect(said.err.trimEnd().split("\n")).toHaveLength(4)
    expect(said.err).toMatch(/link is a symbolic link, through which nothing is written/)
    expect(await readdir(outside)).toEqual([])
    expect((await readdir(around)).sort()).toEqual(["outside", "target"])
    // What stood there as a link is a file now, and what it led to was not touched.
    expect(await filesOf(target)).toEqual(["final", "good"])
  })

  it("leaves no half file, and tells where a file and a folder want one place", async () => {
    const line = await open()
    for (const key of ["p/a", "p/b"]) await line.store.put(Buffer.from(key), { key })
    const target = await temporaryDirectory()
    await mkdir(join(target, "b"))
    const access = {
      ...line.access,
      open: async (...words: Parameters<typeof line.access.open>) => {
        const opened = await line.access.open(...words)
        const cut = async function* () {
          yield Buffer.from("p")
          throw new StoredError("CORRUPT", "It does not hash to its id.")
        }
        return { ...opened, stream: Readable.from(cut()) }
      },
    }
    const said = await line.run(["cp", "-r", ":p/", target, "-j", "1"], { access })
    expect(said).toMatchObject({ code: 8, out: expect.stringMatching(/^0 done, 0 B; 2 failed\n$/) })
    expect(said.err).toMatch(/b is a folder; no file can be there/)
    expect(await readdir(target)).toEqual(["b"])
  })
})

describe("within the store", () => {
  it("more than one batch of them goes, and one that cannot go holds up no other", async () => {
    const line = await open()
    for (let index = 0; index < 130; index += 1) {
      await line.store.put(Buffer.from("x"), { key: `many/${String(index).padStart(3, "0")}`, durability: "os" })
    }
    // Its new key is too long.
    const long = `many/${"l".repeat(1_015)}`
    await line.store.put(Buffer.from("x"), { key: long })
    const said = await line.run(["--json", "mv", "-r", ":many", ":elsewhere"])
    expect([said.code, said.err]).toEqual([2, expect.stringContaining("INVALID_KEY")])
    expect(parsed(said.out).at(-1)).toEqual({ done: 130, skipped: 0, failed: 1, bytes: 130 })
    const keys = await keysOf(line)
    expect(keys.filter((key) => key.startsWith("elsewhere/"))).toHaveLength(130)
    expect(keys.filter((key) => key.startsWith("many/"))).toEqual([long])
  })

  it("copies and moves objects and folders", async () => {
    const line = await open()
    for (const key of ["p/a", "p/deep/b", "q"]) await line.store.put(Buffer.from(key), { key })
    await line.run(["cp", ":q", ":dir/"])
    await line.run(["mv", ":q", ":r"])
    await line.run(["cp", "-r", ":p/", ":copy/"])
    expect((await line.run(["mv", "-r", ":p", ":moved"])).out).toMatch(/^moved {4}:p\/a -> :moved\/a {2}3 B\n/)
    expect(await keysOf(line)).toEqual(["copy/a", "copy/deep/b", "dir/q", "moved/a", "moved/deep/b", "r"])
    expect(await line.store.get("moved/deep/b")).toEqual(Buffer.from("p/deep/b"))
    expect((await line.run(["cp", "-r", ":moved/", ":copy/"])).out).toMatch(/0 done, 0 B; 2 were there already/)
  })

  it.each([
    ["no place of the store", ["cp", "a", "b"], /write a colon before a key: stored cp a :b/],
    ["a folder without -r", ["cp", ":p/", "."], /use -r/],
    ["folders within each other", ["mv", "-r", ":p/", ":p/deep/"], /lie within each other/],
    ["the same the other way", ["cp", "-r", ":p/deep", ":p"], /lie within each other/],
    ["a move out of the store", ["mv", ":p/a", "."], /mv gives objects other keys/],
    ["opposite wishes", ["cp", ":p/a", ":b", "--force", "--skip-existing"], /opposites/],
    ["a file that is not there", ["cp", "/nowhere/x", ":b"], /no file \/nowhere\/x/],
    ["a folder that is not there", ["cp", ":p/a", "/nowhere/x"], /no folder \/nowhere/],
    ["standard input", ["cp", "-", ":b"], /for put and get/],
  ])("refuses %s", async (_, words, sentence) => {
    const line = await open()
    await line.store.put(Buffer.from("1"), { key: "p/a" })
    const said = await line.run(words)
    expect(said).toMatchObject({ code: 2, out: "", err: expect.stringMatching(sentence) })
    expect(await keysOf(line)).toEqual(["p/a"])
  })

  it("ends with 3 where an object is not there", async () => {
    const line = await open()
    expect(await line.run(["cp", ":none", ":b"])).toMatchObject({ code: 3 })
  })
})

describe("rm -r", () => {
  const filled = async () => {
    const line = await open()
    for (const key of ["p/a", "p/b/c", "pq"]) await line.store.put(Buffer.from(key), { key })
    return line
  }

  it("deletes what is below a folder, and only that", async () => {
    const line = await filled()
    const said = await line.run(["rm", "-r", "p", "--yes"])
    expect(said).toEqual({ code: 0, out: "removed p/a\nremoved p/b/c\nremoved 2 objects below p/\n", err: "" })
    expect(await keysOf(line)).toEqual(["pq"])
  })

  it("asks first, and does nothing where nobody can be asked or the answer is no", async () => {
    const line = await filled()
    expect(await line.run(["rm", "-r", "p/"])).toMatchObject({ code: 2, err: expect.stringMatching(/--yes/) })
    for (const name of ["", "/"]) expect((await line.run(["rm", "-r", name, "-y"])).code).toBe(2)
    const answer = (text: string) => {
      const stdin = Object.assign(new Readable({ read() {} }), { isTTY: true })
      return line.run(["rm", "-r", "p/"], {
        terminal: true,
        stdin,
        onQuestion: (said) => {
          if (said.endsWith("[y/N] ")) stdin.push(text)
        },
      })
    }
    expect(await answer("n\n")).toMatchObject({ code: 130, err: expect.stringMatching(/2 objects below p\/ \(8 B\)/) })
    expect(await keysOf(line)).toHaveLength(3)
    expect((await answer("y\n")).code).toBe(0)
    expect(await keysOf(line)).toEqual(["pq"])
  })
})
