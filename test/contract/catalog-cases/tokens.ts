/** Tokens, and what lies in the namespaces that they have quotas for. */
import { describe, expect, it } from "vitest"
import type { Catalog } from "../../../src/catalog/catalog.ts"
import type { TokenRecord } from "../../../src/catalog/record.ts"
import { faultsOf, idOf, put, refusal } from "../catalog.facts.ts"
import type { Subject } from "../catalog.suite.ts"

const ID = "0123456789ab"
const DIGEST = "d1".repeat(32)
const OTHER = "d2".repeat(32)

function token(given: Partial<TokenRecord> = {}): TokenRecord {
  return {
    id: ID,
    name: "camera",
    scopes: ["read", "write"],
    prefixes: null,
    backends: null,
    digest: DIGEST,
    former: null,
    rate: null,
    quota: null,
    created: 5_000,
    expires: null,
    revoked: null,
    lastUsed: null,
    ...given,
  }
}

/** A token whose namespace was counted, a few objects a time. */
async function withQuota(
  catalog: Catalog,
  given: Partial<TokenRecord> & Pick<TokenRecord, "quota">,
): Promise<TokenRecord> {
  for (const prefix of given.prefixes ?? [""]) while (!(await catalog.tokens.countNamespace({ prefix, limit: 2 })));
  return catalog.tokens.create(token(given), {})
}

export function tokenCases(subject: Subject): void {
  describe("tokens", () => {
    it("remembers one over a restart, and tells the journal who made it and no digest", async () => {
      const full = token({
        prefixes: ["a/", "b"],
        backends: ["nas"],
        rate: { perSecond: 0.5, burst: 3 },
        quota: null,
        expires: 9_000,
        former: { digest: OTHER, until: 7_000 },
        lastUsed: 6_000,
      })
      await subject.catalog.tokens.create(full, { principal: "me", requestId: "r1" })
      await subject.reopen()
      expect(subject.catalog.tokens.get(ID)).toEqual(full)
      expect([...subject.catalog.tokens.list()]).toEqual([full])
      const records = [...subject.catalog.journal({ after: 0 })]
      expect(records).toMatchObject([
        {
          command: "token-create",
          principal: "me",
          requestId: "r1",
          time: 5_000,
          detail: { token: ID, name: "camera" },
        },
      ])
      expect(JSON.stringify(records)).not.toMatch(new RegExp(`${DIGEST}|${OTHER}`))
    })

    it("refuses an id that is there", async () => {
      await subject.catalog.tokens.create(token(), {})
      expect(await refusal(subject.catalog.tokens.create(token({ name: "other" }), {}))).toBe("CONFLICT")
      expect(subject.catalog.tokens.get(ID)?.name).toBe("camera")
    })

    it("gives another secret, and keeps the one before as long as it is told", async () => {
      const { catalog } = subject
      await catalog.tokens.create(token(), {})
      const overlapping = await catalog.tokens.rotate({ id: ID, digest: OTHER, until: 8_000, time: 6_000 })
      expect(overlapping).toMatchObject({ digest: OTHER, former: { digest: DIGEST, until: 8_000 } })
      const third = "d3".repeat(32)
      const at_once = await catalog.tokens.rotate({ id: ID, digest: third, time: 6_500, principal: "me" })
      expect(at_once).toMatchObject({ digest: third, former: null })
      expect([...catalog.journal({ after: 1 })]).toMatchObject([
        { command: "token-rotate", detail: { token: ID, until: 8_000 } },
        { command: "token-rotate", principal: "me", detail: { token: ID, until: null } },
      ])
    })

    it("revokes for ever: no rotation brings a token back, and its row stays", async () => {
      const { catalog } = subject
      await catalog.tokens.create(token({ former: { digest: OTHER, until: 99_000 } }), {})
      expect(await catalog.tokens.revoke({ id: ID, time: 6_000, principal: "me" })).toMatchObject({
        revoked: 6_000,
        former: null,
      })
      await catalog.tokens.revoke({ id: ID, time: 7_000 })
      expect(await refusal(catalog.tokens.rotate({ id: ID, digest: OTHER, time: 8_000 }))).toBe("CONFLICT")
      await subject.reopen()
      expect(subject.catalog.tokens.get(ID)?.revoked).toBe(6_000)
      const revocations = [...subject.catalog.journal({ after: 1 })]
      expect(revocations).toMatchObject([{ command: "token-revoke", principal: "me", detail: { token: ID } }])
    })

    it("does not rotate what has expired, nor what is not there", async () => {
      const { catalog } = subject
      await catalog.tokens.create(token({ expires: 6_000 }), {})
      expect(await refusal(catalog.tokens.rotate({ id: ID, digest: OTHER, time: 6_000 }))).toBe("CONFLICT")
      expect(await refusal(catalog.tokens.rotate({ id: "nobody", digest: OTHER, time: 1 }))).toBe("NOT_FOUND")
      expect(await refusal(catalog.tokens.revoke({ id: "nobody", time: 1 }))).toBe("NOT_FOUND")
    })

    it("keeps when it was used last, without a record", async () => {
      const { catalog } = subject
      await catalog.tokens.create(token(), {})
      const before = catalog.lastSequence()
      await catalog.tokens.noteUses(
        new Map([
          [ID, 7_000],
          ["gone", 7_000],
        ]),
      )
      await catalog.tokens.noteUses(new Map([[ID, 6_000]]))
      expect(catalog.tokens.get(ID)?.lastUsed).toBe(7_000)
      expect(catalog.lastSequence()).toBe(before)
    })
  })

  describe("quotas", () => {
    const quota = { bytes: 10, objects: 3 }

    it("counts what lies there already, and nothing beside it", async () => {
      const { catalog } = subject
      const there = ["a", "a/1", "a/2", "a/3", "ab", "a/b/c", "b"]
      for (const key of there) await put(catalog, { key, content: `${key}!` })
      await withQuota(catalog, { prefixes: ["a/", "b"], quota })
      expect(catalog.tokens.usage(ID)).toEqual({ objects: 5, bytes: "a/1!a/2!a/3!a/b/c!b!".length })
      await subject.reopen()
      expect(subject.catalog.tokens.usage(ID)).toMatchObject({ objects: 5 })
    })

    it("is not fooled by what comes and goes while it is counted", async () => {
      const { catalog } = subject
      for (const key of ["a/1", "a/3", "a/5", "a/7"]) await put(catalog, { key })
      expect(await catalog.tokens.countNamespace({ prefix: "a/", limit: 2 })).toBe(false)
      // Before and behind where the count stands.
      await put(catalog, { key: "a/2" })
      await put(catalog, { key: "a/6" })
      await catalog.commitDelete({ key: "a/1", time: 2_000 })
      await catalog.commitDelete({ key: "a/7", time: 2_000 })
      expect(await faultsOf(catalog)).toEqual([])
      expect(await refusal(catalog.tokens.create(token({ prefixes: ["a/"], quota }), {}))).toBe("CONFLICT")
      await withQuota(catalog, { prefixes: ["a/"], quota })
      expect(catalog.tokens.usage(ID)).toEqual({ objects: 4, bytes: 12 })
    })

    it("refuses a put that leaves too much, and changes nothing by it", async () => {
      const { catalog } = subject
      await withQuota(catalog, { prefixes: ["a/"], quota: { bytes: 10, objects: null } })
      await put(catalog, { key: "a/1", content: "123456", token: ID })
      const before = { ...catalog.counters() }
      expect(await refusal(put(catalog, { key: "a/2", content: "12345", token: ID }))).toBe("QUOTA_EXCEEDED")
      expect(catalog.counters()).toEqual(before)
      expect(catalog.blob(idOf("12345"))).toBeNull()
      await put(catalog, { key: "a/2", content: "1234", token: ID })
      expect(catalog.tokens.usage(ID)).toEqual({ objects: 2, bytes: 10 })
    })

    it("gives back what is deleted and overwritten, and lets a full namespace shrink", async () => {
      const { catalog } = subject
      await put(catalog, { key: "a/big", content: "0123456789abcdef" })
      await withQuota(catalog, { prefixes: ["a/"], quota: { bytes: 10, objects: 2 } })
      // Over its quota from the beginning: smaller is well, larger and more is not.
      await put(catalog, { key: "a/big", content: "0123456789ab", token: ID })
      expect(await refusal(put(catalog, { key: "a/big", content: "0123456789abc", token: ID }))).toBe("QUOTA_EXCEEDED")
      await put(catalog, { key: "a/big", content: "1", token: ID })
      await put(catalog, { key: "a/2", content: "2", token: ID })
      expect(await refusal(put(catalog, { key: "a/3", content: "", token: ID }))).toBe("QUOTA_EXCEEDED")
      await catalog.commitDelete({ key: "a/2", time: 2_000 })
      await put(catalog, { key: "a/3", content: "", token: ID })
      expect(catalog.tokens.usage(ID)).toEqual({ objects: 2, bytes: 1 })
    })

    it("counts what anybody puts there, and holds back only its own token", async () => {
      const { catalog } = subject
      await withQuota(catalog, { quota: { bytes: 1, objects: 1 } })
      await put(catalog, { key: "x", content: "more than one" })
      await put(catalog, { key: "y", content: "another" })
      expect(catalog.tokens.usage(ID)).toMatchObject({ objects: 2 })
      expect(await refusal(put(catalog, { key: "z", content: "1", token: ID }))).toBe("QUOTA_EXCEEDED")
    })

    it("counts files that are found, and follows them", async () => {
      const { catalog } = subject
      await catalog.commitBackend({ name: "nas", driver: "fs", config: {}, created: 1 }, {})
      await withQuota(catalog, { prefixes: ["nas/"], quota })
      const see = (size: number, generation: number | null) =>
        catalog.commitSightings({
          backend: "nas",
          asOf: catalog.lastSequence(),
          sightings: [
            {
              key: "1",
              generation,
              found: { id: idOf(String(size)), checksums: {}, mimeType: "text/plain", size, modified: size },
            },
          ],
          prefix: "nas/",
          hash: true,
          time: 3_000,
        })
      await see(7, null)
      expect(catalog.tokens.usage(ID)).toEqual({ objects: 1, bytes: 7 })
      await see(5, catalog.location("nas", "1")!.generation)
      expect(catalog.tokens.usage(ID)).toEqual({ objects: 1, bytes: 5 })
    })

    it("of 64 puts at the same time lets as many through as there is room for", async () => {
      const { catalog } = subject
      await withQuota(catalog, { prefixes: ["a/"], quota: { bytes: 30, objects: null } })
      const keys = Array.from({ length: 64 }, (_, index) => `a/${index}`)
      const answers = await Promise.all(
        keys.map((key) => refusal(put(catalog, { key, content: `${key}--`.slice(0, 3), token: ID }))),
      )
      expect(answers.filter((answer) => answer === null)).toHaveLength(10)
      expect(answers.filter((answer) => answer === "QUOTA_EXCEEDED")).toHaveLength(54)
      expect(catalog.tokens.usage(ID)).toEqual({ objects: 10, bytes: 30 })
    })

    it("lets an object move within a full namespace, and none be copied or moved into it", async () => {
      const { catalog } = subject
      await withQuota(catalog, { prefixes: ["a/"], quota: { bytes: 3, objects: 1 } })
      await put(catalog, { key: "a/1", token: ID })
      await put(catalog, { key: "b/1" })
      const copy = (from: string, to: string, moves: boolean) =>
        refusal(catalog.commitCopy({ from, key: to, moves, copies: [], sideChecksums: [], token: ID, time: 2_000 }))
      expect([await copy("a/1", "a/2", false), await copy("b/1", "a/2", true)]).toEqual([
        "QUOTA_EXCEEDED",
        "QUOTA_EXCEEDED",
      ])
      expect(await copy("a/1", "a/2", true)).toBeNull()
      expect(catalog.tokens.usage(ID)).toEqual({ objects: 1, bytes: 3 })
      expect([await copy("a/2", "b/2", true), catalog.tokens.usage(ID)]).toEqual([null, { objects: 0, bytes: 0 }])
    })

    it("keeps the count of a namespace while another token has a quota for it", async () => {
      const { catalog } = subject
      await withQuota(catalog, { prefixes: ["a/"], quota })
      await withQuota(catalog, { id: "second", prefixes: ["a/", "b/"], quota })
      await catalog.tokens.revoke({ id: ID, time: 6_000 })
      await put(catalog, { key: "a/1" })
      expect(catalog.tokens.usage("second")).toEqual({ objects: 1, bytes: 3 })
      expect(catalog.tokens.usage(ID)).toBeNull()
      await catalog.tokens.revoke({ id: "second", time: 7_000 })
      expect(catalog.tokens.usage("second")).toBeNull()
    })

    it("takes no put of a token that was revoked meanwhile", async () => {
      const { catalog } = subject
      await catalog.tokens.create(token(), {})
      await catalog.tokens.revoke({ id: ID, time: 6_000 })
      expect(await refusal(put(catalog, { key: "a", token: ID }))).toBe("UNAUTHENTICATED")
      expect(catalog.object("a")).toBeNull()
    })
  })
}
