/** Cases of `list`: order, prefixes, cursors, pages, changes during a listing. */
import fc from "fast-check"
import { expect, it } from "vitest"
import { type BackendSuite, type BackendUnderTest, byUtf8, fill, keysOf, text } from "./harness.ts"

export function listCases(suite: BackendSuite, made: () => BackendUnderTest): void {
  it("lists nothing of nothing", async () => {
    expect(await keysOf(made().backend)).toEqual([])
    expect(await keysOf(made().backend, { prefix: "a/", after: "a" })).toEqual([])
  })

  it("says of every entry what stat says", async () => {
    const { backend } = made()
    await backend.put("a", text("four"), { modified: 1_600_000_000_000 })
    await backend.put("b/c", text("six..."))
    for await (const { key, ...entry } of backend.list()) {
      const { checksums: _, ...stat } = (await backend.stat(key)) ?? {}
      expect(entry).toEqual(stat)
    }
  })

  it("orders by the bytes of the whole key, not of its parts", async () => {
    const { backend } = made()
    const keys = ["a!", "a-b", "a.txt", "a/b", "a/c/d", "a0", "ab", "b", "a b", "a/b.c", "a/b-c"]
    await fill(backend, keys)
    expect(await keysOf(backend)).toEqual([...keys].sort(byUtf8))
  })

  it("orders characters beyond the first plane last, as UTF-8 does and UTF-16 does not", async () => {
    const { backend } = made()
    await fill(backend, ["k\u{1f600}", "k\uff5e", "k\ue000", "kz", "ké"])
    expect(await keysOf(backend)).toEqual(["kz", "ké", "k\ue000", "k\uff5e", "k\u{1f600}"])
  })

  const KEYS = ["a", "ab", "ab/c", "abc", "b/a", "b/ab", "b/b/c", "b.x", "bb/c", "é/x", "éa"]
  const keysFor = (backend: BackendUnderTest["backend"]): string[] =>
    KEYS.filter((key) => !backend.capabilities.hierarchicalKeysConflict || key !== "ab")
  const PREFIXES = [
    "",
    "a",
    "a/",
    "ab",
    "ab/",
    "b",
    "b/",
    "b/a",
    "b/b",
    "b/b/",
    "b/b/c",
    "b/b/c/",
    "bb",
    "c",
    "é",
    "é/",
    "/",
    "//",
    "../",
    "b//",
    "b/../",
  ]
  it("lists exactly what starts with a prefix", async () => {
    const { backend } = made()
    await fill(backend, keysFor(backend))
    for (const prefix of PREFIXES) {
      const wanted = keysFor(backend).filter((key) => key.startsWith(prefix))
      expect(await keysOf(backend, { prefix }), prefix).toEqual(wanted.sort(byUtf8))
    }
  })

  it("goes on after any cursor, be it a key or not", async () => {
    const { backend } = made()
    const keys = keysFor(backend).sort(byUtf8)
    await fill(backend, keys)
    for (const after of [...keys, "", "a!", "b", "b/", "b/az", "b/zzz", "b0", "zzz", "\u{10ffff}"]) {
      const wanted = keys.filter((key) => byUtf8(key, after) > 0)
      expect(await keysOf(backend, { after }), after).toEqual(wanted)
    }
  })

  it("takes prefix, cursor and limit together", async () => {
    const { backend } = made()
    await fill(backend, ["p/1", "p/2", "p/3/x", "p/4", "q/1"])
    expect(await keysOf(backend, { prefix: "p/", after: "p/1", limit: 2 })).toEqual(["p/2", "p/3/x"])
    expect(await keysOf(backend, { prefix: "p/", after: "p/4" })).toEqual([])
    expect(await keysOf(backend, { prefix: "p/", after: "a", limit: 1 })).toEqual(["p/1"])
    expect(await keysOf(backend, { limit: 0 })).toEqual([])
  })

  const many = suite.listing?.entries ?? 10_000
  it(`gives ${many} entries in pages, each once, in order`, async () => {
    const { backend } = made()
    const keys = Array.from({ length: many }, (_, index) => `${index % 100}/${Math.floor(index / 1_000)}/${index}`)
    await fill(backend, keys)
    const seen: string[] = []
    for (let page: string[] = [""]; page.length > 0; seen.push(...page)) {
      page = await keysOf(backend, { after: seen.at(-1) ?? "", limit: 777 })
    }
    expect(seen).toEqual(keys.sort(byUtf8))
  }, 120_000)

  const flat = Math.min(Math.ceil(many * 0.3), 3_000)
  it(`gives ${flat} entries of one directory`, async () => {
    const { backend } = made()
    const keys = Array.from({ length: flat }, (_, index) => `flat/${index}`)
    await fill(backend, keys)
    expect(await keysOf(backend)).toEqual(keys.sort(byUtf8))
  })

  it("shows what was there all along, each once, while others come and go", async () => {
    const { backend } = made()
    const stable = Array.from({ length: suite.listing?.changes ?? 300 }, (_, index) => `${index % 10}/stable-${index}`)
    await fill(backend, stable)
    const seen: string[] = []
    let count = 0
    for await (const { key } of backend.list()) {
      seen.push(key)
      count += 1
      await backend.put(`${count % 10}/passing-${count}`, text("x"))
      if (count % 2 === 0) await backend.delete(`${count % 10}/passing-${count}`)
      if (count > 2_000) break
    }
    expect(seen.filter((key) => key.includes("stable"))).toEqual(stable.sort(byUtf8))
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toEqual([...seen].sort(byUtf8))
  })

  it("may be left in the middle", async () => {
    const { backend } = made()
    await fill(backend, ["a/1", "a/2", "b/1"])
    for await (const { key } of backend.list()) {
      expect(key).toBe("a/1")
      break
    }
    await backend.deleteMany(["a/1", "a/2"])
    expect(await keysOf(backend)).toEqual(["b/1"])
  })

  it("ends with ABORTED when the signal fires", async () => {
    const { backend } = made()
    await fill(backend, ["a", "b", "c/d", "e"])
    const controller = new AbortController()
    const reading = (async () => {
      for await (const { key } of backend.list({ signal: controller.signal })) if (key === "b") controller.abort()
    })()
    await expect(reading).rejects.toMatchObject({ code: "ABORTED" })
  })

  it("agrees with a sorted array for any keys, prefix and cursor", async () => {
    const part = fc.stringMatching(/^[-.a0~é]{1,3}$/).filter((name) => name !== "." && name !== "..")
    const key = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"))
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(key, { maxLength: 12 }), fc.oneof(key, part), key, async (all, prefix, after) => {
        const { backend } = made()
        const conflicts = backend.capabilities.hierarchicalKeysConflict
        const keys = all.filter((each) => !conflicts || !all.some((other) => other.startsWith(`${each}/`)))
        await fill(backend, keys)
        const wanted = keys.filter((each) => each.startsWith(prefix) && byUtf8(each, after) > 0).sort(byUtf8)
        expect(await keysOf(backend, { prefix, after })).toEqual(wanted)
        expect(await keysOf(backend)).toEqual([...keys].sort(byUtf8))
        await backend.deleteMany(keys)
        expect(await keysOf(backend)).toEqual([])
      }),
      { numRuns: suite.listing?.runs ?? 60 },
    )
  })
}
