/** Files by reference: what lies under a root is read, and nothing else, whatever the path says or becomes. */
import { execFileSync } from "node:child_process"
import { appendFile, mkdir, rename, symlink, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import { describe, expect, it, onTestFinished } from "vitest"
import { openPath } from "../../workers/ingest-path.ts"
import { temporaryDirectory } from "../flow/open-store.ts"

async function place() {
  const base = await temporaryDirectory()
  const [root, outside] = [join(base, "root"), join(base, "outside")]
  await Promise.all([mkdir(join(root, "sub"), { recursive: true }), mkdir(outside)])
  await writeFile(join(root, "sub", "a.txt"), "inside")
  await writeFile(join(outside, "secret"), "outside")
  await mkdir(join(base, "root-not"))
  await writeFile(join(base, "root-not", "x"), "beside")
  return { base, root, outside }
}

async function textOf(path: string, roots: string[]): Promise<string> {
  const content = await openPath(path, roots)
  try {
    const chunks: Uint8Array[] = []
    for await (const chunk of content.read()) chunks.push(chunk)
    return Buffer.concat(chunks).toString()
  } finally {
    await content.close()
  }
}

const refusal = (path: string, roots: string[]) =>
  textOf(path, roots).then(
    (text) => `read: ${text}`,
    (error: { code: string }) => error.code,
  )

describe("a path under a root", () => {
  it("is read, with its size and name", async () => {
    const { root } = await place()
    const path = join(root, "sub", "a.txt")
    expect(await textOf(path, ["/nowhere", root])).toBe("inside")
    const content = await openPath(path, [root])
    expect(content).toMatchObject({ size: 6, name: "a.txt" })
    await content.close()
  })

  it("may have links on the way that stay inside, and a root may be one", async () => {
    const { base, root } = await place()
    await symlink(join(root, "sub"), join(root, "link"))
    await symlink(root, join(base, "also-root"))
    expect(await textOf(join(root, "link", "a.txt"), [root])).toBe("inside")
    expect(await textOf(join(base, "also-root", "sub", "a.txt"), [join(base, "also-root")])).toBe("inside")
  })

  it("is not read to its end where somebody writes to it meanwhile", async () => {
    const { root } = await place()
    const path = join(root, "big")
    await writeFile(path, Buffer.alloc(3 * 1024 * 1024))
    const content = await openPath(path, [root])
    const chunks = content.read()[Symbol.asyncIterator]()
    await chunks.next()
    await appendFile(path, "more")
    const rest = async () => {
      for (;;) if ((await chunks.next()).done) return
    }
    await expect(rest()).rejects.toMatchObject({ code: "SOURCE_FAILED", retryable: true })
    await content.close()
  })

  it("goes on from the file that was opened where the name becomes another's", async () => {
    const { root, outside } = await place()
    const path = join(root, "sub", "a.txt")
    const content = await openPath(path, [root])
    await rename(path, join(root, "old"))
    await symlink(join(outside, "secret"), path)
    const chunks: Uint8Array[] = []
    for await (const chunk of content.read()) chunks.push(chunk)
    expect(Buffer.concat(chunks).toString()).toBe("inside")
    await content.close()
  })
})

describe("a path is refused", () => {
  it("where it leads out of every root, and does not tell whether there is something", async () => {
    const { base, root, outside } = await place()
    await symlink(join(outside, "secret"), join(root, "file-link"))
    await symlink(outside, join(root, "directory-link"))
    const out = ["file-link", "directory-link/secret", "directory-link/nothing", "nothing"]
    for (const name of out) expect([name, await refusal(join(root, name), [root])]).toEqual([name, "PERMISSION_DENIED"])
    const strange = ["/etc/passwd", "/etc/nothing", join(base, "root-not", "x"), join(outside, "secret"), root, "/"]
    for (const path of strange) expect([path, await refusal(path, [root])]).toEqual([path, "PERMISSION_DENIED"])
    expect(await refusal(join(root, "sub", "a.txt"), [])).toBe("PERMISSION_DENIED")
  })

  it("where it is not straight", async () => {
    const { root } = await place()
    const crooked = [
      `${root}/../outside/secret`,
      `${root}/sub/../sub/a.txt`,
      `${root}/./sub/a.txt`,
      `${root}//sub/a.txt`,
    ]
    const others = ["sub/a.txt", "../outside/secret", "", `${root}/sub/a.txt\0`, `file://${root}/sub/a.txt`]
    for (const path of [...crooked, ...others])
      expect([path, await refusal(path, [root])]).toEqual([path, "INVALID_INPUT"])
  })

  it("where it is no regular file, and nothing is waited for", async () => {
    const { root } = await place()
    execFileSync("mkfifo", [join(root, "fifo")])
    const server = createServer().listen(join(root, "socket"))
    onTestFinished(() => void server.close())
    await symlink(join(root, "circle"), join(root, "circle"))
    for (const name of ["sub", "fifo", "socket", "circle"])
      expect([name, await refusal(join(root, name), [root])]).toEqual([name, "INVALID_INPUT"])
    expect(await refusal("/dev/null", ["/dev"])).toBe("INVALID_INPUT")
  })

  it("however often its directory becomes a link to the outside and back", async () => {
    const { base, root, outside } = await place()
    await writeFile(join(outside, "a.txt"), "outside")
    await symlink(outside, join(base, "trap"))
    const [sub, real, trap] = [join(root, "sub"), join(base, "real"), join(base, "trap")]
    let isOver = false
    const swap = (async () => {
      for (let round = 0; !isOver; round++) {
        // At another step of the reader each time; now and then not at all.
        for (let turn = round % 60; turn > 0; turn--) await setImmediate()
        await rename(sub, real)
        await rename(trap, sub)
        await rename(sub, trap)
        await rename(real, sub)
      }
    })()
    const seen = new Set<string>()
    for (let round = 0; round < 2_000; round++) seen.add(await refusal(join(sub, "a.txt"), [root]))
    isOver = true
    await swap
    expect(seen).toContain("read: inside")
    expect(seen).not.toContain("read: outside")
  })
})
