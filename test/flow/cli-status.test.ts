/** `stored status`: what a person sees of queues, workers and backends, and the live view, with the keys that end it. */
import { PassThrough } from "node:stream"
import { describe, expect, it } from "vitest"
import { describeStatus } from "../../src/cli/describe-status.ts"
import { StoredError } from "../../src/core/error.ts"
import type { BackendInfo, StoreStatus } from "../../src/store/store.ts"
import { mapStore } from "../unit/map-store.ts"
import { runLine } from "./cli-line.ts"

const NOW = 10_000_000
const WORKER = {
  id: "w",
  host: "left\u001b[2J",
  pid: 7,
  kinds: ["sync", "checksum"],
  backends: ["a", "b"],
  running: 3,
  seen: NOW,
  alive: true,
}

function statusWith(parts: Partial<StoreStatus>): StoreStatus {
  return { ...mapStore().status(), ...parts }
}

function backend(parts: Partial<BackendInfo>): BackendInfo {
  const usual = { name: "a", driver: "fs", config: {}, isDefault: true, state: "open", breaker: "closed" } as const
  const settings = {
    paused: false,
    rateLimit: null,
    abilities: null,
    error: null,
    scan: null,
    capabilities: {} as BackendInfo["capabilities"],
  }
  return { ...usual, ...settings, pending: 0, failed: 0, ...parts }
}

describe("the text", () => {
  const text = (parts: Partial<StoreStatus>): string[] => describeStatus(statusWith(parts), NOW).split("\n").slice(4)

  it("has a line for each queue, with the age of its oldest job", () => {
    const queues = [
      { queue: "sync-a", due: 5, parked: 0, running: 2, oldest: NOW - 240_000 },
      { queue: "checksum", due: 0, parked: 0, running: 0, oldest: null },
    ]
    expect(text({ queues })).toEqual([
      "queue     sync-a: 5 due, 2 running, 0 given up, oldest 4 min",
      "queue     checksum: 0 due, 0 running, 0 given up",
    ])
  })

  it("has a line for each backend that was scanned: how far it is, and when it was known to be true", () => {
    const running = { state: "running", files: 1_200, looks: 30, knownAsOf: null } as const
    const done = { state: "done", files: 1, looks: 0, knownAsOf: NOW - 240_000 } as const
    const backends = [backend({ scan: running }), backend({ name: "b", scan: done }), backend({ name: "c" })]
    expect(text({ backends }).filter((line) => line.startsWith("scan"))).toEqual([
      "scan      a: running, 1,200 files so far, 30 left to read, not known to be true yet",
      "scan      b: done, 1 file, known to be true 4 min ago",
    ])
  })

  it("has a line for each worker, safe on a terminal, and says which is silent", () => {
    const silent = { ...WORKER, host: "right", alive: false, seen: NOW - 30_000, kinds: ["sync"], backends: [] }
    expect(text({ redis: "ok", workers: [WORKER, silent] })).toEqual([
      "redis     ok",
      "worker    left\ufffd[2J 7: 3 running, works for checksum, a, b",
      "worker    right 7: silent for 30 s, works for nothing",
    ])
  })

  it.each<[string, Partial<StoreStatus>, string[]]>([
    ["Redis", { redis: "away", workers: [WORKER] }, ["waits     for Redis, which is away"]],
    ["a worker", { redis: "ok", workers: [{ ...WORKER, alive: false }] }, ["waits     for a worker: none is there"]],
    ["nothing where a worker is there", { redis: "ok", workers: [WORKER] }, []],
    ["nothing in one process", {}, []],
    [
      "backends",
      {
        backends: [backend({ state: "unavailable", pending: 2 }), backend({ name: "b", breaker: "open", pending: 1 })],
      },
      ["waits     for backend a, which cannot be opened: 2", "waits     for backend b, which keeps failing: 1"],
    ],
    [
      "a paused backend",
      { backends: [backend({ paused: true, pending: 2 }), backend({ name: "b", paused: true })] },
      ["waits     for backend a to be resumed, which is paused: 2"],
    ],
  ])("says that jobs wait for %s", (_, parts, waits) => {
    const queues = [{ queue: "sync-a", due: 1, parked: 0, running: 0, oldest: null }]
    expect(text({ queues, ...parts }).filter((line) => line.startsWith("waits"))).toEqual(waits)
  })

  it("says that somebody should look at what was given up", () => {
    const queues = [{ queue: "sync-a", due: 0, parked: 2, running: 0, oldest: null }]
    expect(text({ queues }).at(-1)).toBe("waits     for somebody to look, given up after the last try: 2")
  })
})

describe("--watch", () => {
  const words = ["status", "--watch", "--every", "0.05"]
  /** A store whose objects are counted up at each look. */
  function counting(fault?: (look: number) => StoredError | null) {
    let looks = 0
    const status = (): StoreStatus => {
      looks += 1
      const error = fault?.(looks)
      if (error) throw error
      return statusWith({ objects: looks })
    }
    return mapStore({ status })
  }

  it("prints JSON lines until Ctrl-C", async () => {
    const interrupted = new AbortController()
    const onOutput = (text: string): void => void (text.split("\n").length > 3 && interrupted.abort())
    const said = await runLine([...words, "--json"], { access: counting(), signal: interrupted.signal, onOutput })
    const seen = said.out
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as StoreStatus).objects)
    expect([said.code, said.err, seen]).toEqual([0, "", [1, 2, 3]])
  })

  it.each([
    ["q", "q"],
    ["Ctrl-C", "\u0003"],
  ])("redraws a terminal until %s, and gives screen and keyboard back", async (_, key) => {
    const modes: boolean[] = []
    const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (raw: boolean) => modes.push(raw) })
    const onOutput = (text: string): void => void (text.includes("objects   2 ") && stdin.write(key))
    const said = await runLine(words, { access: counting(), terminal: true, stdin, onOutput })
    expect(said.code).toBe(0)
    expect(modes).toEqual([true, false])
    expect(said.out.startsWith("\u001b[?1049h")).toBe(true)
    expect(said.out.endsWith("\u001b[?1049l")).toBe(true)
    expect(said.out.split("\u001b[Hstate").length).toBe(3)
  })

  it("goes on after a fault that passes, and tells it", async () => {
    const interrupted = new AbortController()
    const away = new StoredError("BACKEND_UNAVAILABLE", "The server is away.", { retryable: true })
    const access = counting((look) => (look === 2 ? away : null))
    const onOutput = (text: string): void => void (text.split("\n").length > 2 && interrupted.abort())
    const said = await runLine([...words, "--json"], { access, signal: interrupted.signal, onOutput })
    expect(
      said.out
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as StoreStatus).objects),
    ).toEqual([1, 3])
    expect(JSON.parse(said.err)).toMatchObject({ code: "BACKEND_UNAVAILABLE" })
    expect(said.code).toBe(0)
  })

  it("ends with a fault that stays", async () => {
    const access = counting(() => new StoredError("PERMISSION_DENIED", "Not you."))
    const said = await runLine(words, { access, terminal: true })
    expect(said.code).not.toBe(0)
    expect(said.err).toMatch(/Not you/)
    expect(said.out.endsWith("\u001b[?1049l")).toBe(true)
  })

  it("refuses an interval that is none", async () => {
    expect(await runLine(["status", "--watch", "--every", "0"], { access: mapStore() })).toMatchObject({
      code: 2,
      out: "",
    })
  })
})
