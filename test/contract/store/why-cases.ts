/** `why`: the whole life of one object, in this process and over HTTP alike. */
import { expect, test } from "vitest"
import { StoredError } from "../../../src/core/error.ts"
import { memoryBackend } from "../../flow/open-store.ts"
import { type OpenFace, text } from "./harness.ts"

const commandsOf = (records: readonly { command: string }[]): string[] => records.map(({ command }) => command)

export function whyCases(open: OpenFace): void {
  test("tells what an object is, where its copies are, and what has happened to it, and nothing of others", async () => {
    const { store } = await open()
    await store.put(Buffer.from("other"), { key: "other", durability: "all" })
    const { id } = await store.put(text, { key: "k", durability: "all" })
    const told = await store.why("k")
    expect(told).toMatchObject({ name: "k", object: { key: "k", id, version: 1 }, waits: [], checksumJob: null })
    expect(told.copies.map(({ backend, state, wanted, job }) => [backend, state, wanted, job])).toEqual([
      ["a", "synced", true, null],
      ["b", "synced", true, null],
    ])
    expect(commandsOf(told.journal.records).filter((command) => command !== "checksums")).toEqual([
      "put",
      "sync",
      "sync",
    ])
    expect(told.journal.complete).toBe(true)
    expect((await store.why(id)).journal.records).toEqual(told.journal.records)
  })

  test("tells of a job that was given up, with its error and the command that puts it back", async () => {
    const { store, opened } = await open({ backends: { a: { driver: "memory" } } })
    memoryBackend(opened, "a").intercept = (operation) => {
      if (operation === "put") throw new StoredError("PERMISSION_DENIED", "It is not allowed.")
    }
    await store.put(text, { key: "it's" })
    await store.idle()
    const { copies, waits } = await store.why("it's")
    expect(copies).toMatchObject([
      { backend: "a", synced: false, state: "failed", job: { status: "parked", error: { code: "PERMISSION_DENIED" } } },
    ])
    expect(waits).toEqual([
      {
        backend: "a",
        reason: "parked",
        message: expect.stringMatching(/given up after 1 try: It is not allowed\.$/),
        next: null,
        command: `stored sync-retry --backend a --key 'it'\\''s'`,
      },
    ])
  })

  test("tells when a failed try is made again, and which backend is paused", async () => {
    const { store, opened } = await open({}, { retry: { baseDelay: 600_000, maxDelay: 600_000, maxAttempts: 5 } })
    memoryBackend(opened, "a").intercept = (operation) => {
      if (operation === "put") throw new StoredError("BACKEND_UNAVAILABLE", "It is away.", { retryable: true })
    }
    await store.pauseBackend("b")
    await store.put(text, { key: "k" })
    await store.idle()
    const { copies, waits } = await store.why("k")
    expect(waits).toMatchObject([
      {
        backend: "a",
        reason: "retry",
        message: expect.stringMatching(/has failed once: It is away\.$/),
        command: null,
      },
      { backend: "b", reason: "paused", next: null, command: "stored backends resume b" },
    ])
    expect(waits[0]!.next).toBe(copies[0]!.job!.dueAt)
    expect(waits[0]!.next).toBeGreaterThan(Date.now() + 60_000)
  })

  test("tells of what was deleted, and of where it went", async () => {
    const { store } = await open()
    await store.put(text, { key: "one", durability: "all" })
    await store.move("one", "two")
    await store.synced("two")
    const told = await store.why("one")
    expect(told.object).toBeNull()
    expect(commandsOf(told.journal.records)).toContain("delete")
    expect(told.journal.records.some(({ detail }) => detail.to === "two")).toBe(true)
    await expect(store.why("three")).rejects.toMatchObject({ code: "NOT_FOUND" })
    await expect(store.why("../x")).rejects.toMatchObject({ code: "INVALID_KEY" })
  })

  test("looks no further back than it is told, and says so", async () => {
    const { store } = await open()
    await store.put(text, { key: "k", durability: "all" })
    for (let index = 0; index < 10; index++)
      await store.put(Buffer.from(`${index}`), { key: "other", durability: "all" })
    const some = await store.why("k", { depth: 5 })
    expect(some.journal).toMatchObject({ records: [], looked: 5, complete: false })
    const all = await store.why("k", { depth: 5, all: true })
    expect(all.journal).toMatchObject({ from: all.journal.records[0]!.sequence, complete: true })
    await expect(store.why("k", { depth: 0 })).rejects.toMatchObject({ code: "INVALID_INPUT" })
  })
}
