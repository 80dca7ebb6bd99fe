/**
 * Rows 45 and 46 of the fault table on a real store: bodies that are too long, too short, endless or broken off, and downloads that are
 * abandoned, leave no file, no descriptor and no row behind.
 */
import { once } from "node:events"
import { readdir, readlink } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import type { OpenedStore } from "../../src/compose.ts"
import { exchange, openSocket, readAnswer, statusOf } from "../unit/api-server.ts"
import { openTestStore } from "./open-store.ts"

/** `STORED_ABORTS=10000` is the full length of row 46. */
const ABORTS = Number(process.env.STORED_ABORTS ?? 200)
const FULL_LENGTH = { timeout: 600_000 }

async function serve(maxBlobSize?: number): Promise<{ opened: OpenedStore; directory: string; port: number }> {
  const opened = await openTestStore({ defaultBackends: ["a"], ...(maxBlobSize && { maxBlobSize }) })
  const app = buildApp({
    store: opened.store,
    limits: { maxBlobSize: maxBlobSize ?? null, lingerTime: 50 },
  })
  await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  const { port } = app.server.address() as { port: number }
  return { opened, directory: opened.directory, port }
}

/** Every file below a folder. */
async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** Descriptors that point into a folder, or are sockets: what an upload or download could leave open. */
async function descriptors(directory: string): Promise<number> {
  const links = await Promise.all(
    (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
  )
  return links.filter((link) => link.startsWith(directory) || link.startsWith("socket:")).length
}

/** Runs `work`, then waits until files, descriptors and rows are what they were before. */
async function leavesNothing(opened: OpenedStore, directory: string, work: () => Promise<void>): Promise<void> {
  const look = async () => ({
    temporary: await filesIn(join(directory, "staging", "tmp")),
    content: await filesIn(join(directory, "staging", "content-v2")),
    descriptors: await descriptors(directory),
    blobs: opened.store.status().blobs,
  })
  const before = await look()
  await work()
  await vi.waitFor(async () => expect(await look()).toEqual(before), { timeout: 5_000 })
}

describe("bodies that are not what they say", () => {
  it.each<[string, string, number]>([
    ["over the limit by its length", "Content-Length: 2000000\r\n\r\n", 413],
    [
      "over the limit in chunks",
      `Transfer-Encoding: chunked\r\n\r\n186A00\r\n${"x".repeat(0x186a00)}\r\n0\r\n\r\n`,
      413,
    ],
    ["shorter than its length", `Content-Length: 900000\r\n\r\n${"x".repeat(500_000)}`, 400],
    ["without the last chunk", `Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, 400],
    ["broken in the middle of its chunks", `Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n`, 400],
  ])("%s", async (_, rest, status) => {
    const { opened, directory, port } = await serve(1_000_000)
    await leavesNothing(opened, directory, async () => {
      const socket = openSocket(port)
      socket.write(`PUT /v1/objects/a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${rest}`)
      // What is whole waits for its answer; what is not ends here.
      if (status === 400) socket.end()
      const answer = await readAnswer(socket)
      expect(statusOf(answer)).toBe(status)
      expect(answer).toMatch(/application\/problem\+json/i)
      socket.destroy()
    })
    expect(await opened.store.stat("a")).toBeNull()
  })

  it("longer than its length: the rest is no request", async () => {
    const { opened, port } = await serve()
    const answer = await exchange(
      port,
      "PUT /v1/objects/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello, world\r\n\r\n",
    )
    expect([201, 400]).toContain(statusOf(answer))
    expect((await opened.store.stat("a"))?.size ?? 5).toBe(5)
  })
})

it(`${ABORTS} uploads broken off at any byte leave nothing`, FULL_LENGTH, async () => {
  const { opened, directory, port } = await serve()
  await leavesNothing(opened, directory, async () => {
    for (let round = 0; round < ABORTS; round++) {
      const socket = openSocket(port)
      const sent = (round * 7919) % 400_000
      const head = round % 2 === 0 ? "Content-Length: 400001" : "Transfer-Encoding: chunked"
      const body = round % 2 === 0 ? "x".repeat(sent) : `61A80\r\n${"x".repeat(sent)}`
      const text = `PUT /v1/objects/aborted-${round} HTTP/1.1\r\nHost: localhost\r\n${head}\r\n\r\n${body}`
      await new Promise<void>((resolve) => socket.write(text, () => resolve()))
      if (round % 3 === 0) socket.resetAndDestroy()
      else socket.destroy()
    }
  })
  expect(await Array.fromAsync(opened.store.list())).toEqual([])
  expect(opened.store.status().staging.entries).toBe(0)
})

it(`${ABORTS} downloads broken off at any byte leave nothing`, FULL_LENGTH, async () => {
  const { opened, directory, port } = await serve()
  await opened.store.put(Buffer.alloc(4_000_000, "x"), { key: "large" })
  await opened.store.idle()
  await leavesNothing(opened, directory, async () => {
    for (let round = 0; round < ABORTS; round++) {
      const socket = openSocket(port)
      socket.write("GET /v1/objects/large HTTP/1.1\r\nHost: localhost\r\n\r\n")
      let received = 0
      const enough = (round * 7919) % 1_000_000
      while (received <= enough) received += (await once(socket, "data"))[0].length
      if (round % 3 === 0) socket.resetAndDestroy()
      else socket.destroy()
    }
  })
  const whole = await fetch(`http://127.0.0.1:${port}/v1/objects/large`)
  expect((await whole.arrayBuffer()).byteLength).toBe(4_000_000)
})
