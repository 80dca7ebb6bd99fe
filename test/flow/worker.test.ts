/** A whole worker beside a real store: jobs of both kinds, and a configuration that changes. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it, vi } from "vitest"
import { CHECKSUM_QUEUE, type Job, syncQueue } from "../../queues/job.ts"
import { orderFor, pointerTo, TOKEN } from "../unit/worker-desk.ts"
import { temporaryDirectory } from "./open-store.ts"
import { BYTES, checksumOrder, makeWorld, SMALL, wanted } from "./worker-world.ts"

describe.each([
  ["that shares the disk", true],
  ["that does not", false],
])("a worker %s", (_, shared) => {
  it("writes, proves and clears copies, and hashes", async () => {
    const { desk, transport, worker, root, ids, asked } = await makeWorld({ shared, backends: ["b"] })
    await worker.start()
    expect(worker.queues.toSorted()).toEqual([CHECKSUM_QUEUE, syncQueue("b")])
    desk.orders.set("j1", orderFor("x/large", { want: wanted(ids.large, BYTES.length) }))
    desk.orders.set("j2", orderFor("small", { want: wanted(ids.small, SMALL.length) }))
    desk.orders.set("j3", checksumOrder(ids.large, BYTES.length))
    desk.orders.set("j4", checksumOrder(ids.small, SMALL.length))
    await transport.send(syncQueue("b"), [
      { id: "j1", pointer: pointerTo("x/large") },
      { id: "j2", pointer: pointerTo("small") },
    ])
    await transport.send(CHECKSUM_QUEUE, [
      { id: "j3", pointer: { version: 1, kind: "checksum", id: ids.large } },
      { id: "j4", pointer: { version: 1, kind: "checksum", id: ids.small } },
    ])
    const synced = { type: "synced", have: ids.large, verified: { by: "checksum" }, seen: { size: BYTES.length } }
    expect(await desk.resultOf("claim-x/large")).toMatchObject(synced)
    expect(await desk.resultOf("claim-small")).toMatchObject({ type: "synced", have: ids.small })
    expect((await readFile(join(root, "x/large"))).equals(BYTES)).toBe(true)
    for (const size of [BYTES.length, SMALL.length]) {
      const checksums = { md5: expect.stringMatching(/^[0-9a-f]{32}$/), xxh3: expect.stringMatching(/^[0-9a-f]+$/) }
      expect(await desk.resultOf(`claim-${size}`)).toMatchObject({ type: "hashed", checksums })
    }
    desk.orders.set("j5", orderFor("small", { claim: "clear" }))
    await transport.send(syncQueue("b"), [{ id: "j5", pointer: pointerTo("small") }])
    expect(await desk.resultOf("clear")).toMatchObject({ type: "synced", have: null, verified: { by: "absence" } })
    await expect(readFile(join(root, "small"))).rejects.toMatchObject({ code: "ENOENT" })
    expect(asked.length > 0).toBe(!shared)
  })
})

describe("a worker", () => {
  it("tells a failure as the backend's, and calls bytes suspect that do not hash to their id", async () => {
    const { desk, transport, worker, ids, directory, lines } = await makeWorld()
    await worker.start()
    const [algorithm, hex] = ids.large.split(":") as [string, string]
    const staged = join(directory, "staging/content-v2", algorithm, hex.slice(0, 2), hex.slice(2, 4), hex.slice(4))
    await writeFile(staged, Buffer.alloc(BYTES.length, "x"))
    desk.orders.set("j1", orderFor("k", { want: wanted(ids.large, BYTES.length) }))
    await transport.send(syncQueue("b"), [{ id: "j1", pointer: pointerTo("k") }])
    expect(await desk.resultOf("claim-k")).toMatchObject({ type: "failed", error: { code: "BACKEND_UNAVAILABLE" } })
    // The server has looked: the bad bytes are out of the way, and the next try gets those of the other copy.
    await expect(readFile(staged)).rejects.toMatchObject({ code: "ENOENT" })
    desk.orders.set("j2", orderFor("k", { claim: "again", want: wanted(ids.large, BYTES.length) }))
    await transport.send(syncQueue("b"), [{ id: "j2", pointer: pointerTo("k") }])
    expect(await desk.resultOf("again")).toMatchObject({ type: "synced", have: ids.large })
    expect(lines.join("")).not.toContain(TOKEN)
  })

  it("drops what it does not understand, and goes on", async () => {
    const { desk, transport, worker, lines } = await makeWorld()
    await worker.start()
    transport.inject(syncQueue("b"), "odd", { version: 1 })
    transport.inject(CHECKSUM_QUEUE, "odder", "text")
    desk.orders.set("j1", orderFor("k"))
    await transport.send(syncQueue("b"), [{ id: "j1", pointer: pointerTo("k") }])
    expect(await desk.resultOf("claim-k")).toMatchObject({ type: "synced", have: null })
    const dropped = lines.filter((line) => line.includes("nobody understands"))
    expect(dropped.map((line) => (JSON.parse(line) as { jobId: string }).jobId).toSorted()).toEqual(["odd", "odder"])
    expect(await transport.missing(syncQueue("b"), ["odd"])).toEqual(["odd"])
  })

  it("works for those kinds and backends only that it is told", async () => {
    const { worker, desk } = await makeWorld({ kinds: ["sync"], backends: ["c"] })
    desk.backends.push({ name: "c", settings: { driver: "fs", root: await temporaryDirectory() }, concurrency: 1 })
    await worker.start()
    expect(worker.queues).toEqual([syncQueue("c")])
    const told = await desk.until(({ messages }) => messages.find(({ worker: { backends } }) => backends.length > 0))
    expect(told.worker).toMatchObject({ kinds: ["sync"], backends: ["c"], taking: true, running: 0 })
  })

  it("follows the configuration: backends that come, go and change", async () => {
    const { worker, desk, transport, root } = await makeWorld()
    await worker.start()
    const other = await temporaryDirectory()
    const until = (names: string[]) => vi.waitFor(() => expect(worker.queues.toSorted()).toEqual(names), 20_000)
    desk.backends = [...desk.backends, { name: "c", settings: { driver: "fs", root: other }, concurrency: 1 }]
    desk.revision = "r2"
    await until([CHECKSUM_QUEUE, syncQueue("b"), syncQueue("c")])
    desk.backends = desk.backends.slice(1)
    desk.revision = "r3"
    await until([CHECKSUM_QUEUE, syncQueue("c")])
    expect(transport.taken.toSorted()).toEqual([CHECKSUM_QUEUE, syncQueue("c")])
    await writeFile(join(other, "k"), "there before")
    await writeFile(join(root, "k"), "there before")
    desk.backends = [{ name: "c", settings: { driver: "fs", root }, concurrency: 1 }]
    desk.revision = "r4"
    const revised = desk.messages.length
    await desk.until(({ messages }) => messages.length > revised + 2)
    desk.orders.set("j1", orderFor("k", { job: { ...orderFor("k").job, backend: "c" } as Job }))
    await vi.waitFor(() => expect(transport.taken.toSorted()).toEqual([CHECKSUM_QUEUE, syncQueue("c")]), 20_000)
    await transport.send(syncQueue("c"), [{ id: "j1", pointer: pointerTo("k", "c") }])
    await desk.resultOf("claim-k")
    await expect(readFile(join(root, "k"))).rejects.toMatchObject({ code: "ENOENT" })
    expect(await readFile(join(other, "k"), "utf8")).toBe("there before")
  })

  it("leaves out a backend whose root is not there, without making it, until it is", async () => {
    const { worker, root, lines } = await makeWorld()
    await rm(root, { recursive: true })
    await worker.start()
    expect(worker.queues).toEqual([CHECKSUM_QUEUE])
    await expect(readFile(root)).rejects.toMatchObject({ code: "ENOENT" })
    expect(lines.some((line) => line.includes("cannot be opened here"))).toBe(true)
    await mkdir(root)
    await vi.waitFor(() => expect(worker.queues.toSorted()).toEqual([CHECKSUM_QUEUE, syncQueue("b")]), 20_000)
  })

  it("on another host leaves out what lies on the server's disk", async () => {
    const { worker, lines } = await makeWorld({ shared: false })
    await worker.start()
    expect(worker.queues).toEqual([CHECKSUM_QUEUE])
    expect(lines.some((line) => line.includes("BACKEND_REFUSED"))).toBe(true)
  })
})
