/** Bad input is refused before anything is done, with a typed error that says what to give instead. */
import { expect, test } from "vitest"
import {
  ConflictError,
  ConsistencyError,
  NotFoundError,
  PermanentAdapterError,
  StoredError,
  TransientAdapterError,
} from "../../../src/core/error.ts"
import type { StoreFace } from "../../../src/store/store.ts"
import { memoryBackend } from "../../flow/open-store.ts"
import { text as bytes, type OpenFace } from "./harness.ts"

/** The store as callers without types have it. */
// biome-ignore lint/suspicious/noExplicitAny: what no compiler checks is what is tested
type Untyped = { [verb in keyof StoreFace]: any }

type Call = (store: Untyped) => unknown
const put =
  (options: unknown): Call =>
  (store) =>
    store.put(bytes, options)
const get =
  (options: unknown): Call =>
  (store) =>
    store.get("k", options)
const remove =
  (options: unknown): Call =>
  (store) =>
    store.delete("k", options)
const list =
  (options: unknown): Call =>
  (store) =>
    Array.fromAsync(store.list(options))

/** What is wrong, the call, and words of the sentence. */
const CALLS: [string, Call, RegExp][] = [
  ["put of null", (store) => store.put(null), /null cannot be put/],
  ["put of a number", (store) => store.put(5), /5 cannot be put/],
  ["put with null", put(null), /options of put are null; give an object/],
  ["put with a text", put("k"), /options of put are "k"/],
  ["put with a key that is none", put({ key: null }), /a key is a string/],
  ["put with backends that are no list", put({ backends: "a" }), /backends is "a"; give a list/],
  ["put with a backend that is no name", put({ backends: [5] }), /backends is a list; give a list of backend names/],
  ["put with a flag that is none", put({ key: "new", ifAbsent: "no" }), /ifAbsent is "no"; give true or false/],
  ["put with a version that is none", put({ ifVersion: "1" }), /ifVersion is 1/],
  ["put with a size that is none", put({ size: "1" }), /size 1 is not a number/],
  ["put with checksums that are none", put({ checksums: "abc" }), /checksums is "abc"; give an object/],
  ["put with a durability that is none", put({ durability: 5 }), /durability is "5"/],
  ["put with a wait that is none", put({ waitMs: "soon" }), /waitMs is "soon"; give a whole number of ms/],
  ["put with metadata that is none", put({ metadata: null }), /must be a JSON object/],
  ["put with a type that is none", put({ mimeType: 5 }), /not a content type/],
  ["put with progress that cannot be told", put({ onProgress: 5 }), /onProgress is 5; give a function/],
  ["put with a signal that is none", put({ signal: {} }), /signal is an object; give an AbortSignal/],
  ["put with a principal that is none", put({ principal: {} }), /principal is an object; give a text/],
  ["get of nothing", (store) => store.get(), /a key is a string/],
  ["get with null", get(null), /options of get are null/],
  ["get with a list", get([]), /options of get are a list/],
  ["get from backends that are no list", get({ backends: "a" }), /backends is "a"/],
  ["get from a backend that is no name", get({ backend: 5 }), /backend is 5; give a text/],
  ["get of a range that is none", get({ range: "0-5" }), /range is "0-5"; give an object/],
  ["get of a range of texts", get({ range: { start: "0" } }), /range/],
  ["get with a fallback that is none", get({ fallback: 5 }), /fallback is 5/],
  ["open with null", (store) => store.open("k", null), /options of get are null/],
  ["stat of a number", (store) => store.stat(5), /a key is a string/],
  ["has of nothing", (store) => store.has(), /a key is a string/],
  ["delete with null", remove(null), /options of delete are null/],
  ["delete with a wait that is none", remove({ wait: "x" }), /wait is "x"; give a whole number of ms/],
  ["delete with a wait below 0", remove({ wait: -1 }), /wait is -1/],
  ["delete with a wait beyond every timer", remove({ wait: 2 ** 31 }), /wait is 2147483648/],
  ["delete from backends that are no list", remove({ backends: "a" }), /backends is "a"/],
  ["delete with force that is none", remove({ backends: ["a"], force: "yes" }), /force is "yes"/],
  ["list after a number", list({ after: 3 }), /after is 3; give a text/],
  ["list with null", list(null), /options of list are null/],
  ["list with a limit that is none", list({ limit: "3" }), /limit is "3"; give a whole number from 1/],
  ["list with a limit of 0", list({ limit: 0 }), /limit is 0/],
  ["list with a prefix that is none", list({ prefix: 3 }), /prefix is 3/],
  ["list of a backend that is no name", list({ backend: {} }), /backend is an object/],
  ["synced with null", (store) => store.synced("k", null), /options of synced are null/],
  ["synced to backends that are no list", (store) => store.synced("k", { backends: "a" }), /backends is "a"/],
  ["synced with copies that are none", (store) => store.synced("k", { copies: "2" }), /copies is "2"/],
  ["a backend with no settings", (store) => store.addBackend("z", null), /names its driver/],
  ["a change to no settings", (store) => store.setBackend("z", null), /names its driver/],
  [
    "a change of a backend with a name that is none",
    (store) => store.setBackend("/", { driver: "memory" }),
    /backend name/,
  ],
  ["a backend with a name that is none", (store) => store.addBackend(5, { driver: "memory" }), /backend name 5/],
  ["removeBackend with null", (store) => store.removeBackend("a", null), /options of removeBackend are null/],
  ["removeBackend with force that is none", (store) => store.removeBackend("a", { force: 1 }), /force is 1/],
  ["pauseBackend with null", (store) => store.pauseBackend("a", null), /options of pauseBackend are null/],
  ["scan with null", (store) => store.scan("a", null), /options of scan are null/],
  ["scan with hash that is none", (store) => store.scan("a", { hash: "yes" }), /hash is "yes"; give true or false/],
  ["scan with force that is none", (store) => store.scan("a", { force: 1 }), /force is 1/],
  ["pauseScan with null", (store) => store.pauseScan("a", null), /options of scan are null/],
  ["cancelScan with a principal that is none", (store) => store.cancelScan("a", { principal: 5 }), /principal is 5/],
  ["drift with null", (store) => Array.fromAsync(store.drift("a", null)), /options of drift are null/],
  ["drift with a limit of 0", (store) => Array.fromAsync(store.drift("a", { limit: 0 })), /limit is 0/],
  ["heal with null", (store) => store.heal("a", null), /options of heal are null/],
  ["heal of a key that is none", (store) => store.heal("a", { key: 5 }), /key is 5; give a text/],
  ["evict of nothing", (store) => store.cache.evict(null), /Say what to evict/],
  ["clear with null", (store) => store.cache.clear(null), /options of clear are null/],
  ["clear with force that is none", (store) => store.cache.clear({ force: "y" }), /force is "y"/],
  ["a listener to an unknown event", (store) => store.on("puts", () => {}), /no event "puts"; there are put, delete/],
  ["a listener that is none", (store) => store.on("put", null), /listener is null; give a function/],
  ["events with null", (store) => store.events(null), /options of events are null/],
  ["events after a text", (store) => store.events({ after: "x" }), /after is "x"; give a journal sequence/],
  ["journal after a text", (store) => store.journal({ after: "x" }), /after is "x"/],
  ["journal with a limit that is none", (store) => store.journal({ limit: "x" }), /limit is "x"/],
  ["failed with a limit below 1", (store) => store.failed({ limit: -1 }), /limit is -1/],
  ["retry with null", (store) => store.retry(null), /options of retry are null/],
  ["retry of a key that is none", (store) => store.retry({ key: 5 }), /key is 5/],
  ["idle with a signal that is none", (store) => store.idle({ signal: 5 }), /signal is 5/],
  ["close with a deadline that is none", (store) => store.close({ deadline: "x" }), /deadline is "x"/],
]

const INVALID = ["INVALID_INPUT", "INVALID_KEY", "INVALID_METADATA", "INVALID_RANGE", "INVALID_CONFIG"]

export function refusalCases(open: OpenFace): void {
  test("refuses each with a typed error that says what to give, and nothing is done", async () => {
    const { store } = await open()
    await store.put(bytes, { key: "k", durability: "all" })
    const before = (await store.status()).lastSequence
    for (const [name, call, words] of CALLS) {
      const error = await (async () => call(store as Untyped))().then(
        () => null,
        (fault: StoredError) => fault,
      )
      expect(error, name).not.toBeNull()
      expect(INVALID, name).toContain(error?.code)
      expect(error?.message, name).toMatch(words)
      expect(error?.retryable, name).toBe(false)
    }
    expect((await store.status()).lastSequence).toBe(before)
    expect(await store.get("k")).toEqual(bytes)
    expect(await store.listBackends()).toEqual(["a", "b"])
  })

  test("takes options that are absent or undefined as absent", async () => {
    const { store } = await open()
    const untyped = store as Untyped
    const nothing = { backends: undefined, signal: undefined, wait: undefined, after: undefined, limit: undefined }
    await untyped.put(bytes, { key: "k", ...nothing, waitMs: undefined })
    expect(await Array.fromAsync(untyped.list(nothing))).toHaveLength(1)
    expect((await Array.fromAsync(untyped.journal(nothing))).length).toBeGreaterThan(0)
    expect(await untyped.delete("k", nothing)).toMatchObject({ pending: [] })
  })

  test("are of the class of their code, so that instanceof says the same behind every face", async () => {
    const { store, opened } = await open()
    const fault = async (call: Promise<unknown>): Promise<unknown> =>
      call.then(
        () => null,
        (error: unknown) => error,
      )
    await store.put(bytes, { key: "k", durability: "all" })
    const notThere = await fault(store.get("absent"))
    expect(notThere).toBeInstanceOf(NotFoundError)
    expect(notThere).toMatchObject({ name: "NotFoundError", code: "NOT_FOUND", statusCode: 404 })
    const conflict = await fault(store.put(bytes, { key: "k", ifAbsent: true }))
    expect(conflict).toBeInstanceOf(ConflictError)
    expect(conflict).toMatchObject({ statusCode: 409 })
    const mismatch = await fault(store.put(bytes, { key: "l", checksums: { sha256: "0".repeat(64) } }))
    expect(mismatch).toBeInstanceOf(ConsistencyError)
    const invalid = await fault(store.get("a//b"))
    expect(invalid).toBeInstanceOf(StoredError)
    expect(invalid).not.toBeInstanceOf(NotFoundError)
    expect(invalid).toMatchObject({ name: "StoredError", statusCode: 400 })

    memoryBackend(opened, "a").intercept = () => {
      throw new TransientAdapterError("away")
    }
    expect(await fault(store.testBackend("a"))).toBeInstanceOf(TransientAdapterError)
    memoryBackend(opened, "a").intercept = () => {
      throw new PermanentAdapterError("BACKEND_REFUSED", "not this one")
    }
    expect(await fault(store.testBackend("a"))).toBeInstanceOf(PermanentAdapterError)
  })
}
