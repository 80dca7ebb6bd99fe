/**
 * Looks at copies before something is dropped: a backend that does not answer holds nobody up for longer than one look, is left alone for a while, and
 * is asked again once it can answer. The time is the test's own.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { MemoryBackend } from "../../src/backends/memory.ts"
import { MemoryCatalog } from "../../src/catalog/memory.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { TransientAdapterError } from "../../src/core/error.ts"
import { BackendSet } from "../../src/store/backend-set.ts"
import { EvictionGuard } from "../../src/store/eviction-guard.ts"
import { Lifecycle } from "../../src/store/lifecycle.ts"
import { LiveCopies, type Look } from "../../src/store/live-copies.ts"
import { silentLog } from "../../src/store/log.ts"
import { done, idOf, put, settle } from "../contract/catalog.facts.ts"

const hashers = await createHashers()
/** ms that a look may take, and that a backend is left alone after it */
const [DEADLINE, ALONE] = [5_000, 10_000]
const KEYS = ["k1", "k2", "k3"]

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }))
afterEach(() => void vi.useRealTimers())

/** Backends `a` and `b` that hold proven copies of every key, and what they are asked for. */
async function make() {
  const catalog = new MemoryCatalog()
  await catalog.open()
  const backends = new BackendSet(undefined)
  const asked: string[] = []
  /** what a stat of `a` waits for; it may be told to fail */
  const answers: { promise: Promise<void>; resolve(): void; reject(error: Error): void }[] = []
  const state = { hangs: false, reached: Promise.withResolvers<void>() }
  for (const name of ["a", "b"]) {
    const backend = new MemoryBackend({ hashers, onSkip: () => {} })
    const settings = {
      driver: "memory",
      config: {},
      settings: { driver: "memory" },
      inProcess: true,
      concurrency: 1,
      rateLimit: null,
      keyTemplate: "",
      watching: new AbortController(),
      watch: { now: null },
    }
    backends.add({ name, backend, ...settings })
    await backends.opened(name)
    const bytes = Buffer.from("x")
    for (const key of KEYS) await backend.put(key, { bytes, size: 1, read: () => neverRead() })
    backend.intercept = (operation, key) => {
      if (operation !== "stat") return
      asked.push(`${name} ${key}`)
      if (name !== "a" || !state.hangs) return
      const answer = Promise.withResolvers<void>()
      answers.push(answer)
      state.reached.resolve()
      return answer.promise
    }
  }
  for (const key of KEYS) {
    await put(catalog, { key, content: key[1]!, backends: ["a", "b"] })
    for (const backend of ["a", "b"]) {
      const seen = await (await backends.opened(backend)).stat(key)
      await settle(catalog, key, { ...done(idOf(key[1]!)), seen }, { backend })
    }
  }
  // What was asked to know how they are is not what the test asks.
  asked.length = 0
  const lifecycle = new Lifecycle(() => {})
  const parts = {
    ...{ catalog, backends, lifecycle, clock: { now: () => 1 }, log: silentLog },
    ...{ keepBad: async () => undefined, onDrift: () => {} },
  }
  const copies = new LiveCopies(parts)
  const look = (backend: string, key: string): Promise<Look> =>
    copies.look(catalog.location(backend, key)!, catalog.blob(idOf(key[1]!))!)
  const guard = (minCopies: number) => new EvictionGuard({ catalog, backends, copies, minCopies })
  return { catalog, copies, lifecycle, look, guard, asked, answers, state }
}

function neverRead(): never {
  throw new Error("the bytes are at hand")
}

/** Ends a look that nobody answers by its deadline. */
async function afterDeadline<Result>(look: Promise<Result>): Promise<Result> {
  await vi.advanceTimersByTimeAsync(DEADLINE)
  return look
}

describe("a look", () => {
  test("sees what is there, and tells of a backend that fails without leaving it alone", async () => {
    const { look, asked, answers, state } = await make()
    expect(await look("a", "k1")).toBe("alive")
    state.hangs = true
    const failing = look("a", "k1")
    await state.reached.promise
    answers[0]!.reject(new TransientAdapterError("not now"))
    expect(await failing).toBe("unanswered")
    state.hangs = false
    expect(await look("a", "k1")).toBe("alive")
    expect(asked).toHaveLength(3)
  })

  test("that is not answered ends at its deadline; the backend is not asked again, the others are", async () => {
    const { look, asked, state } = await make()
    state.hangs = true
    expect(await afterDeadline(look("a", "k1"))).toBe("unanswered")
    for (const key of KEYS) expect(await look("a", key)).toBe("unanswered")
    expect(await look("b", "k1")).toBe("alive")
    expect(asked).toEqual(["a k1", "b k1"])
  })

  test("that hangs keeps its backend from being asked, however long it hangs", async () => {
    const { look, asked, state } = await make()
    state.hangs = true
    await afterDeadline(look("a", "k1"))
    state.hangs = false
    await vi.advanceTimersByTimeAsync(100 * ALONE)
    expect(await look("a", "k2")).toBe("unanswered")
    expect(asked).toEqual(["a k1"])
  })

  test("that ended late leaves its backend alone for a while, and then it is asked again", async () => {
    const { look, asked, answers, state } = await make()
    state.hangs = true
    await afterDeadline(look("a", "k1"))
    state.hangs = false
    answers[0]!.resolve()
    await vi.advanceTimersByTimeAsync(ALONE - 1)
    expect(await look("a", "k2")).toBe("unanswered")
    await vi.advanceTimersByTimeAsync(1)
    expect(await look("a", "k2")).toBe("alive")
    expect(asked).toEqual(["a k1", "a k2"])
  })

  test("is not made before the last of those that hang has ended, well or not", async () => {
    const { look, answers, state } = await make()
    state.hangs = true
    await afterDeadline(Promise.all(KEYS.map((key) => look("a", key))))
    state.hangs = false
    answers[0]!.resolve()
    answers[1]!.reject(new TransientAdapterError("not any more"))
    await vi.advanceTimersByTimeAsync(ALONE)
    expect(await look("a", "k1")).toBe("unanswered")
    answers[2]!.resolve()
    await vi.advanceTimersByTimeAsync(0)
    expect(await look("a", "k1")).toBe("alive")
  })

  test("ends when the store closes", async () => {
    const { look, lifecycle, state } = await make()
    state.hangs = true
    const looking = look("a", "k1")
    await state.reached.promise
    lifecycle.close()
    expect(await looking).toBe("unanswered")
  })
})

describe("an eviction", () => {
  test("waits for a silent backend once, and goes by what the others show", async () => {
    const { guard, asked, state, catalog } = await make()
    state.hangs = true
    const one = guard(1)
    expect(await afterDeadline(one.commitEvict(idOf("1")))).toBe(true)
    expect(await one.commitEvict(idOf("2"))).toBe(true)
    expect(asked).toEqual(["a k1", "b k1", "b k2"])
    expect(await guard(2).commitEvict(idOf("3"))).toBe(false)
    expect(catalog.blob(idOf("3"))).toMatchObject({ staged: true })
  })

  test("leaves a backend alone for a while that refuses to answer, and then asks again", async () => {
    const { guard, asked, answers, state } = await make()
    state.hangs = true
    const two = guard(2)
    const refused = two.commitEvict(idOf("1"))
    await state.reached.promise
    answers[0]!.reject(new TransientAdapterError("not now"))
    expect(await refused).toBe(false)
    state.hangs = false
    asked.length = 0
    await vi.advanceTimersByTimeAsync(ALONE - 1)
    expect(await two.commitEvict(idOf("1"))).toBe(false)
    expect(asked).toEqual(["b k1"])
    await vi.advanceTimersByTimeAsync(1)
    expect(await two.commitEvict(idOf("1"))).toBe(true)
    expect(asked).toEqual(["b k1", "a k1", "b k1"])
  })
})
