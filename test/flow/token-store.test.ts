/** Tokens of a store: secrets that are shown once, rotated with overlap and kept by nobody, and quotas that hold against everybody at once. */
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { describe, expect, test } from "vitest"
import { LmdbEngine } from "../../src/catalog/lmdb/engine.ts"
import { runDoctor } from "../../src/compose.ts"
import type { TokenSettings } from "../../src/store/store.ts"
import { openTestStore } from "./open-store.ts"

const HOUR = 3_600_000

async function world(settings: Partial<TokenSettings> = {}) {
  const clock = { time: 1_000_000, now: () => clock.time }
  const opened = await openTestStore({}, { clock })
  const issued = await opened.store.tokens.create({ name: "camera", scopes: ["read", "write"], ...settings })
  return { ...opened, clock, issued, tokens: opened.store.tokens }
}

const refusal = (promise: Promise<unknown>): Promise<string | null> =>
  promise.then(
    () => null,
    (error: { code: string }) => error.code,
  )

describe("a secret", () => {
  test("opens what its token was given, and is told nobody again", async () => {
    const { tokens, issued } = await world({ prefixes: ["a/", "a/b/"], backends: ["a"], rate: { perSecond: 2.5 } })
    const { token, ...info } = issued
    expect(tokens.get(info.id)).toEqual(info)
    expect(info).toMatchObject({ prefixes: ["a/"], rate: { perSecond: 2.5, burst: 3 }, usage: null })
    const { access, rate } = tokens.verify(token)!
    expect([access.principal, access.allowsKey("a/x"), access.allowsKey("ab"), access.allowsBackend("b")]).toEqual([
      `token:${info.id}`,
      true,
      false,
      false,
    ])
    expect(rate).toEqual(info.rate)
    expect(JSON.stringify(tokens.list())).not.toContain(token.split(".")[1])
    expect(info).not.toHaveProperty("digest")
  })

  test("is neither in the data directory nor in the journal", async () => {
    const { store, tokens, issued, directory } = await world()
    const rotated = await tokens.rotate(issued.id, { overlap: "1h" })
    const journal = JSON.stringify([...store.journal()])
    await store.close()
    const catalog = join(directory, "catalog")
    const files = await Promise.all((await readdir(catalog)).map((name) => readFile(join(catalog, name))))
    for (const { token } of [issued, rotated]) {
      const secret = token.split(".")[1]!
      expect(journal).not.toContain(secret)
      for (const bytes of files) expect(bytes.includes(secret)).toBe(false)
    }
  })

  test("is good beside the next one for as long as they overlap, and never beside two", async () => {
    const { tokens, issued, clock } = await world()
    const second = await tokens.rotate(issued.id, { overlap: "24h" })
    expect(second.overlapUntil).toBe(clock.time + 24 * HOUR)
    const good = (): boolean[] => [issued, second].map(({ token }) => tokens.verify(token) !== null)
    expect(good()).toEqual([true, true])
    clock.time += 24 * HOUR - 1
    expect(good()).toEqual([true, true])
    clock.time += 1
    expect(good()).toEqual([false, true])
    expect(tokens.get(issued.id).overlapUntil).toBeNull()
    const third = await tokens.rotate(issued.id, { overlap: "1h" })
    const fourth = await tokens.rotate(issued.id, { overlap: "1h" })
    expect([second, third, fourth].map(({ token }) => tokens.verify(token) !== null)).toEqual([false, true, true])
    const fifth = await tokens.rotate(issued.id)
    expect([fourth, fifth].map(({ token }) => tokens.verify(token) !== null)).toEqual([false, true])
  })

  test("ends when it expires, and when it is revoked", async () => {
    const { tokens, issued, clock } = await world({ expiresIn: "1h" })
    const other = await tokens.create({ name: "other", scopes: ["read"] })
    clock.time += HOUR - 1
    expect(tokens.verify(issued.token)).not.toBeNull()
    clock.time += 1
    expect(tokens.verify(issued.token)).toBeNull()
    await tokens.revoke(other.id)
    expect(tokens.verify(other.token)).toBeNull()
    expect(await refusal(tokens.rotate(other.id))).toBe("CONFLICT")
    expect(tokens.isEmpty()).toBe(false)
  })

  test("is not another one's, nor a part of itself", async () => {
    const { tokens, issued } = await world()
    const other = await tokens.create({ name: "other", scopes: ["read"] })
    const [id, secret] = issued.token.split(".")
    for (const text of [`${other.id}.${secret}`, `${id}.${other.token.split(".")[1]}`, secret!, id!, `${id}.`, ""])
      expect(tokens.verify(text)).toBeNull()
  })

  test("is known after a restart, with when it was used", async () => {
    const { store, issued, directory, clock } = await world()
    store.tokens.verify(issued.token)
    await store.close()
    const again = await openTestStore({ data: directory }, { clock })
    expect(again.store.tokens.verify(issued.token)).not.toBeNull()
    expect(again.store.tokens.get(issued.id).lastUsed).toBe(clock.time)
    expect(again.store.tokens.isEmpty()).toBe(false)
  })
})

describe("a quota", () => {
  test("is told before a byte is read where the length is known, and stops a body without one", async () => {
    const { store, issued } = await world({ prefixes: ["a/"], quota: { bytes: 100 } })
    const put = (key: string, input: Buffer | Readable, size?: number) =>
      store.put(input, { key, token: issued.id, ...(size !== undefined && { size }) })
    await put("a/1", Buffer.alloc(60))
    let read = 0
    const endless = (): Readable =>
      Readable.from(
        (function* () {
          for (;;) {
            read += 10
            yield Buffer.alloc(10)
          }
        })(),
      )
    expect(await refusal(put("a/2", endless(), 41))).toBe("QUOTA_EXCEEDED")
    expect(read).toBeLessThan(1_000)
    expect(await refusal(put("a/2", endless()))).toBe("QUOTA_EXCEEDED")
    expect(read).toBeLessThan(200_000)
    await put("a/2", Buffer.alloc(40))
    expect(store.tokens.get(issued.id).usage).toEqual({ objects: 2, bytes: 100 })
  })

  test("lets no more in than there is room for, of 64 at the same time", async () => {
    const { store, issued } = await world({ prefixes: ["a/"], quota: { bytes: 1_000, objects: 50 } })
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, index) =>
        refusal(store.put(Readable.from([Buffer.alloc(100, index)]), { key: `a/${index}`, token: issued.id })),
      ),
    )
    expect(answers.filter((answer) => answer === null)).toHaveLength(10)
    expect(answers.filter((answer) => answer === "QUOTA_EXCEEDED")).toHaveLength(54)
    expect(store.tokens.get(issued.id).usage).toEqual({ objects: 10, bytes: 1_000 })
  })

  test("of one object is one object, and comes back with its delete", async () => {
    const { store, issued } = await world({ prefixes: ["a/"], quota: { objects: 1 } })
    const put = (key: string, text: string) => refusal(store.put(Buffer.from(text), { key, token: issued.id }))
    expect([await put("a/1", "one"), await put("a/2", "two"), await put("a/1", "longer")]).toEqual([
      null,
      "QUOTA_EXCEEDED",
      null,
    ])
    await store.delete("a/1")
    expect(await put("a/2", "two")).toBeNull()
  })

  test("is counted again by the doctor", async () => {
    const { store, issued, directory } = await world({ prefixes: ["a/"], quota: { bytes: 1_000 } })
    await store.put(Buffer.alloc(10), { key: "a/1" })
    await store.close()
    const engine = new LmdbEngine({ directory: join(directory, "catalog"), examine: true })
    await engine.open()
    await engine.write(() => [{ table: "namespaces", key: "/a/", record: { bytes: 3, objects: 7, countedTo: null } }])
    await engine.close()
    const config = { data: directory, backends: { a: { driver: "memory" }, b: { driver: "memory" } } }
    expect((await runDoctor(config)).findings).toContainEqual(
      expect.objectContaining({ subject: expect.stringContaining("namespace a/") }),
    )
    await runDoctor(config, { repair: true })
    const again = await openTestStore({ data: directory })
    expect(again.store.tokens.get(issued.id).usage).toEqual({ objects: 1, bytes: 10 })
  })
})

test("what is asked by checksum is there for whom an object of theirs names it", async () => {
  const { store } = await world()
  const { id, checksums } = await store.put(Buffer.from("the same"), { key: "b/1" })
  await store.put(Buffer.from("the same"), { key: "ab" })
  const within = (...prefixes: string[]): string | null => store.namedWithin(id, prefixes)
  expect([within("a/"), within("a"), within("b/"), within("a/", "ab")]).toEqual([null, null, "b/1", "ab"])
  expect(store.namedWithin(`sha256:${checksums.sha256}`, ["b/1"])).toBe("b/1")
  expect(store.namedWithin(`sha256:${"0".repeat(64)}`, ["b/"])).toBeNull()
})
