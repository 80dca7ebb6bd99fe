/** From where a read comes: staging, the named copies, or others behind them; and what it says of itself. */
import { buffer } from "node:stream/consumers"
import { expect, test } from "vitest"
import { StoredError } from "../../../src/core/error.ts"
import { ended } from "../../fault/fed-backend.ts"
import { createGate } from "../../fault/store-harness.ts"
import { memoryBackend } from "../../flow/open-store.ts"
import { type FaceUnderTest, heard, type OpenFace } from "./harness.ts"

const content = Buffer.alloc(300_000, 7)

async function withCopies(open: OpenFace): Promise<FaceUnderTest> {
  const face = await open()
  await face.store.put(content, { key: "k", durability: "all" })
  await face.store.cache.clear()
  return face
}

function breakBackend({ opened }: FaceUnderTest, name: string): void {
  memoryBackend(opened, name).intercept = (call) => {
    if (call === "get") throw new StoredError("BACKEND_UNAVAILABLE", "It is down.", { retryable: true })
  }
}

export function optionCases(open: OpenFace): void {
  test("open gives the record, the range and where it comes from beside the bytes", async () => {
    const { store } = await withCopies(open)
    const { metadata, range, servedFrom, stream } = await store.open("k", { backend: "b", range: { start: 5 } })
    expect((await buffer(stream)).equals(content.subarray(5))).toBe(true)
    expect({ range, servedFrom }).toEqual({ range: { start: 5, end: 300_000 }, servedFrom: "b" })
    expect(metadata).toMatchObject({ key: "k", size: 300_000, version: 1 })
  })

  test("a copy that cannot be read is never replaced silently; the error names the others", async () => {
    const face = await withCopies(open)
    breakBackend(face, "a")
    const error = await face.store.get("k", { backend: "a" }).catch((fault: unknown) => fault)
    expect(error).toMatchObject({ code: "COPY_UNAVAILABLE", retryable: true, details: { others: ["b"] } })
    await expect(face.store.get("k", { backend: "a", fallback: ["a"] })).rejects.toMatchObject({
      code: "COPY_UNAVAILABLE",
    })
  })

  test.each([[true], [["b"]]])("fallback %j reads another copy, and says so", async (fallback) => {
    const face = await withCopies(open)
    breakBackend(face, "a")
    const { listener, first } = heard<{ servedFrom: string }>()
    face.store.on("read:fallback", listener)
    expect((await face.store.get("k", { backends: ["a"], fallback })).equals(content)).toBe(true)
    expect(await first).toMatchObject({ backend: "a", servedFrom: "b" })
  })

  test("several reads of one remote blob at the same time read its backend once, and cache it", async () => {
    const { store, opened } = await withCopies(open)
    const backend = memoryBackend(opened, "a")
    Object.assign(backend.capabilities, { local: false })
    const gate = createGate()
    let reads = 0
    backend.intercept = (call) => {
      if (call !== "get") return
      reads += 1
      return gate.pass()
    }
    const { id } = (await store.stat("k"))!
    const both = [store.get("k"), store.get(id!)]
    await gate.reached
    both.push(store.get("k", { stream: true }).then(buffer))
    gate.open()
    for (const bytes of await Promise.all(both)) expect(bytes.equals(content)).toBe(true)
    expect(reads).toBe(1)
    // Over the wire the last byte may be here before it is cached there.
    await ended(opened)
    expect(await store.stat("k")).toMatchObject({ staged: true })
  })

  test("bytes that went bad in every place are an error, as Buffer and as stream, and never end well", async () => {
    const face = await withCopies(open)
    const bad = { size: content.length, bytes: Buffer.alloc(300_000, 8), read: () => neverRead() }
    for (const name of ["a", "b"]) await memoryBackend(face.opened, name).put("k", bad)
    // Over the wire a broken answer does not say why; the next try hears that the copies are known to be bad.
    const refusal = { code: expect.stringMatching(/^(CORRUPT|COPY_UNAVAILABLE)$/) }
    await expect(face.store.get("k", { backend: "a" })).rejects.toMatchObject(refusal)
    const streamed = face.store.get("k", { backend: "b", stream: true }).then(buffer)
    await expect(streamed).rejects.toMatchObject(refusal)
  })

  test("verify: false reads too", async () => {
    const { store } = await open()
    await store.put(content, { key: "k" })
    expect((await store.get("k", { verify: false })).equals(content)).toBe(true)
  })

  test.each([
    ["an unknown backend", { backend: "nowhere" }],
    ["a fallback that is unknown", { fallback: ["nowhere"] }],
    ["two names in one", { backends: ["a,b"] }],
  ])("%s is UNKNOWN_BACKEND", async (_name, options) => {
    const { store } = await open()
    await store.put(content, { key: "k" })
    await expect(store.get("k", options)).rejects.toMatchObject({ code: "UNKNOWN_BACKEND" })
  })

  test("ranges that begin behind the end, are empty or turned round are INVALID_RANGE", async () => {
    const { store } = await open()
    await store.put(content, { key: "k" })
    for (const range of [{ start: 300_000 }, { start: 5, end: 5 }, { start: 9, end: 5 }, { start: 0.5 }]) {
      await expect(store.get("k", { range }), JSON.stringify(range)).rejects.toMatchObject({ code: "INVALID_RANGE" })
    }
    expect((await store.get("k", { range: { start: 299_999, end: 999_999 } })).equals(content.subarray(299_999))).toBe(
      true,
    )
  })
}

function neverRead(): never {
  throw new Error("the bytes are at hand")
}
