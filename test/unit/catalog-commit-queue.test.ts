/** Batches: who shares one, who suffers when it fails, and what a full disk does to it. */
import { describe, expect, it } from "vitest"
import { CommitQueue, diskFull } from "../../src/catalog/commit-queue.ts"
import { MemoryEngine } from "../../src/catalog/memory.ts"
import type { SpaceReserve } from "../../src/catalog/rows/engine.ts"
import type { Write } from "../../src/catalog/rows/transaction.ts"
import { StoredError } from "../../src/core/error.ts"
import { refusal } from "../contract/catalog.facts.ts"

const GROWS = { frees: false }
const FREES = { frees: true }

/** An engine whose writes wait for the test and can be made to fail. */
class HeldEngine extends MemoryEngine {
  readonly batches: number[] = []
  readonly failures: StoredError[] = []
  /** resolved by the test; absent: writes do not wait */
  gate: Promise<void> | null = null
  reserve: SpaceReserve | undefined

  override async write(decide: () => Iterable<Write>): Promise<void> {
    const writes = [...decide()]
    this.batches.push(writes.length)
    await this.gate
    const failure = this.failures.shift()
    if (failure) throw failure
    await super.write(() => writes)
  }
}

/** A reserve that can be had again once there is `room`. */
function makeReserve(): SpaceReserve & { room: boolean } {
  let held = true
  return {
    room: false,
    get held() {
      return held
    },
    async release() {
      const had = held
      held = false
      return had
    },
    async restore() {
      held = this.room
      return held
    },
  }
}

function gate(): { opened: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: resolve }
}

const put = (queue: CommitQueue, key: string, options = GROWS): Promise<string> =>
  queue.commit((rows) => {
    rows.put("tombstones", key, 1)
    return key
  }, options)

describe("commit queue", () => {
  it("writes what is called at the same time in one batch, and gathers the next meanwhile", async () => {
    const engine = new HeldEngine()
    const queue = new CommitQueue(engine)
    const { opened, open } = gate()
    engine.gate = opened
    const first = Promise.all(["a", "b", "c"].map((key) => put(queue, key)))
    await new Promise((resume) => setImmediate(resume))
    const second = Promise.all(["d", "e"].map((key) => put(queue, key)))
    expect(engine.batches).toEqual([3])
    open()
    expect(await first).toEqual(["a", "b", "c"])
    expect(await second).toEqual(["d", "e"])
    expect(engine.batches).toEqual([3, 2])
  })

  it("answers nobody before the batch is written, the refused neither", async () => {
    const engine = new HeldEngine()
    const queue = new CommitQueue(engine)
    const { opened, open } = gate()
    engine.gate = opened
    const answered: string[] = []
    const good = put(queue, "a").then(() => answered.push("good"))
    const refused = queue.commit(() => {
      throw new StoredError("CONFLICT", "no")
    }, GROWS)
    const settled = Promise.all([good, refused.catch(() => answered.push("refused"))])
    await new Promise((resume) => setImmediate(resume))
    expect(answered).toEqual([])
    open()
    await settled
    expect(answered.sort()).toEqual(["good", "refused"])
  })

  it("takes back what a commit wrote before it broke, and nobody else's", async () => {
    const engine = new HeldEngine()
    const queue = new CommitQueue(engine)
    const broken = queue.commit((rows) => {
      rows.put("tombstones", "half", 1)
      rows.put("tombstones", "a", 9)
      throw new TypeError("a mistake")
    }, GROWS)
    const answers = [put(queue, "a"), broken, put(queue, "b")].map((promise) =>
      promise.then(
        () => "kept",
        (error) => String(error),
      ),
    )
    expect(await Promise.all(answers)).toEqual(["kept", "TypeError: a mistake", "kept"])
    expect([...engine.range("tombstones", {})]).toEqual([
      ["a", 1],
      ["b", 1],
    ])
  })

  it("refuses everything after a write whose end is unknown", async () => {
    const engine = new HeldEngine()
    const queue = new CommitQueue(engine)
    engine.failures.push(new StoredError("COMMIT_UNKNOWN", "EIO"))
    expect(await Promise.all([refusal(put(queue, "a")), refusal(put(queue, "b"))])).toEqual([
      "COMMIT_UNKNOWN",
      "COMMIT_UNKNOWN",
    ])
    expect(await refusal(put(queue, "c"))).toBe("COMMIT_UNKNOWN")
    expect(engine.batches).toEqual([2])
  })

  it("goes on after a batch that failed without a trace", async () => {
    const engine = new HeldEngine()
    const queue = new CommitQueue(engine)
    engine.failures.push(new StoredError("INTERNAL", "could not be encoded"))
    expect(await refusal(put(queue, "a"))).toBe("INTERNAL")
    expect(await refusal(put(queue, "b"))).toBeNull()
  })

  it("gives the reserve to commits that free something, and refuses the others until it is back", async () => {
    const engine = new HeldEngine()
    const reserve = makeReserve()
    engine.reserve = reserve
    const queue = new CommitQueue(engine)
    engine.failures.push(diskFull())
    const answers = [refusal(put(queue, "a")), refusal(put(queue, "b", FREES))]
    expect(await Promise.all(answers)).toEqual(["DISK_FULL", null])
    expect(reserve.held).toBe(false)
    const later = [refusal(put(queue, "c")), refusal(put(queue, "d", FREES))]
    expect(await Promise.all(later)).toEqual(["DISK_FULL", null])
    expect(engine.batches).toEqual([2, 1, 1])
    reserve.room = true
    expect(await refusal(put(queue, "e"))).toBeNull()
    expect(reserve.held).toBe(true)
  })

  it("gives up where even the reserve is not enough", async () => {
    const engine = new HeldEngine()
    engine.reserve = makeReserve()
    const queue = new CommitQueue(engine)
    engine.failures.push(diskFull(), diskFull())
    expect(await refusal(put(queue, "a", FREES))).toBe("DISK_FULL")
    expect(await refusal(put(queue, "b", FREES))).toBeNull()
  })

  it("ends after what was taken, and takes no more", async () => {
    const engine = new HeldEngine()
    const queue = new CommitQueue(engine)
    const taken = put(queue, "a")
    await queue.end(new StoredError("CLOSED", "closed"))
    expect(await taken).toBe("a")
    expect(await refusal(put(queue, "b"))).toBe("CLOSED")
  })
})
