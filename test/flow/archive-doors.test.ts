/** Archives and signed addresses by every door: the library, a client over HTTP, the command line. Bytes that went bad on the disk break them all. */
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { buffer } from "node:stream/consumers"
import { describe, expect, it, onTestFinished } from "vitest"
import type { Access } from "../../src/cli/command-line.ts"
import { connect, type RemoteStore } from "../../src/client.ts"
import type { ArchiveOptions } from "../../src/store/store.ts"
import { listen } from "../unit/api-server.ts"
import { watchedSources } from "../unit/archive-sources.ts"
import { runLine } from "./cli-line.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"

async function served() {
  const opened = await openTestStore()
  const { store } = opened
  for (const key of ["p/a.txt", "p/b.txt", "q/c.txt"]) await store.put(Buffer.from(key.repeat(1000)), { key })
  const { url } = await listen(store)
  return { ...opened, url, remote: connected(url) }
}

function connected(url: string): RemoteStore {
  const remote = connect(url)
  onTestFinished(() => remote.close())
  return remote
}

/** A command closes what it was given when it ends; this one is still needed. */
function kept({ close: _, ...access }: Access): Access {
  return access
}

describe("a client", () => {
  it.each<ArchiveOptions>([
    { prefix: "p/" },
    { keys: ["q/c.txt", "p/a.txt"], format: "tar", name: "two é" },
    { prefix: "", format: "tar.gz", compress: 9 },
  ])("has the same archive as the library: %j", async (options) => {
    const { store, remote } = await served()
    const [here, there] = [await store.archive(options), await remote.archive(options)]
    expect({ ...there, stream: null }).toEqual({ ...here, stream: null })
    expect((await buffer(there.stream)).equals(await buffer(here.stream))).toBe(true)
  })

  it("hears the same refusals", async () => {
    const { remote } = await served()
    await expect(remote.archive({ keys: ["p/a.txt", "gone"] })).rejects.toMatchObject({
      code: "NOT_FOUND",
      details: { keys: ["gone"] },
    })
    await expect(remote.archive({ keys: ["../x"] })).rejects.toMatchObject({ code: "INVALID_KEY" })
    await expect(remote.archive({ prefix: "p/", compress: 11 })).rejects.toMatchObject({ code: "INVALID_INPUT" })
  })

  it("is told of one that breaks, and may leave one", async () => {
    const watched = await watchedSources([100_000, 100_000], async function* (index) {
      yield Buffer.alloc(index === 0 ? 100_000 : 50_000)
    })
    const remote = connected((await listen(watched.store)).url)
    const { stream } = await remote.archive({ prefix: "p/", format: "tar" })
    await expect(buffer(stream)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" })
    const over = new AbortController()
    const left = await remote.archive({ prefix: "p/", signal: over.signal })
    over.abort()
    await expect(buffer(left.stream)).rejects.toMatchObject({ code: "ABORTED" })
  })

  it("signs whole addresses, and makes them worthless", async () => {
    const { url, remote } = await served()
    const signed = await remote.signedUrl("p/a.txt", { expires: 60 })
    expect(signed.url.startsWith(`${url}/v1/signed/p/a.txt?`)).toBe(true)
    expect((await fetch(signed.url)).status).toBe(200)
    expect((await remote.signedUrl("x", { method: "PUT", base: "https://cdn.example/s/" })).url).toMatch(
      /^https:\/\/cdn\.example\/s\/v1\/signed\/x\?/,
    )
    await remote.revokeSignedUrls()
    expect((await fetch(signed.url)).status).toBe(403)
    await expect(remote.signedUrl("gone")).rejects.toMatchObject({ code: "NOT_FOUND" })
  })
})

describe("bytes that went bad on the disk", () => {
  it("break the archive, and leave no file behind", async () => {
    const opened = await served()
    const { store, services, remote } = opened
    const { id } = await store.put(Buffer.alloc(3_000_000, "b"), { key: "p/b.txt", durability: "all" })
    for await (const file of services.staging.list()) {
      if (file.id !== id) continue
      const bytes = await readFile(file.path)
      bytes[10]! ^= 1
      await writeFile(file.path, bytes)
    }
    const folder = await temporaryDirectory()
    const said = await runLine(["archive", "p/", "-o", join(folder, "out.tar")], { access: kept(remote) })
    expect(said).toMatchObject({ code: 5, out: "" })
    await expect(readFile(join(folder, "out.tar"))).rejects.toMatchObject({ code: "ENOENT" })
    // From then on the copies serve.
    expect((await runLine(["archive", "p/", "-o", join(folder, "out.tar")], { access: kept(remote) })).code).toBe(0)
  })
})

describe("the command line", () => {
  it("writes archives by the ending of the file, or to its output", async () => {
    const { store } = await served()
    const folder = await temporaryDirectory()
    const path = (name: string): string => join(folder, name)
    const said = await runLine(["archive", "p/", "-o", path("a.zip"), "--json"], { access: kept(store) })
    expect(JSON.parse(said.out)).toMatchObject({ mimeType: "application/zip", output: path("a.zip") })
    expect(
      await runLine(["archive", "-k", "p/a.txt", "q/c.txt", "-o", path("b.tgz")], { access: kept(store) }),
    ).toMatchObject({ code: 0, err: "" })
    expect((await readFile(path("a.zip"))).subarray(0, 2).toString()).toBe("PK")
    expect((await readFile(path("b.tgz"))).readUInt16BE()).toBe(0x1f8b)
    const piped = await runLine(["archive", "p/", "-o", "-", "--format", "tar"], { access: kept(store) })
    expect(piped.out.slice(257, 262)).toBe("ustar")
    for (const words of [
      ["archive", "p/"],
      ["archive", "p/", "-o", "-", "--json"],
      ["archive", "p/", "-o", path("c.zip"), "--compress", "much"],
      ["archive", "-o", path("c.zip")],
    ])
      expect(await runLine(words, { access: kept(store) })).toMatchObject({ code: 2 })
    expect(await runLine(["archive", "none/", "-o", path("c.zip")], { access: kept(store) })).toMatchObject({ code: 3 })
  })

  it("signs addresses, and makes them worthless", async () => {
    const { store, url } = await served()
    const sign = async (...words: string[]) => {
      const { code, out, err } = await runLine(["url", ...words], { access: kept(store) })
      expect({ code, err }).toEqual({ code: 0, err: "" })
      return out.trim()
    }
    const signed = await sign("p/a.txt", "--expires", "10min", "--base", url, "--download", "x.txt")
    expect((await fetch(signed)).headers.get("content-disposition")).toBe("attachment; filename=x.txt")
    const put = await sign("new", "--put", "--once", "--max-size", "1kB", "--base", url)
    expect((await fetch(put, { method: "PUT", body: "x".repeat(1001) })).status).toBe(413)
    expect((await fetch(put, { method: "PUT", body: "x" })).status).toBe(201)
    expect((await runLine(["url", "--revoke-all"], { access: kept(store) })).code).toBe(0)
    expect((await fetch(signed)).status).toBe(403)
    for (const words of [["url"], ["url", "a", "--revoke-all"], ["url", "p/a.txt", "-e", "soon"]])
      expect(await runLine(words, { access: kept(store) })).toMatchObject({ code: 2 })
  })
})
