/** The journal: one record a fact, gap-free, chained, with who asked. */
import { hash } from "node:crypto"
import { describe, expect, it } from "vitest"
import { FAULT, idOf, park, put, settle } from "../catalog.facts.ts"
import type { Subject } from "../catalog.suite.ts"

export function journalCases(subject: Subject): void {
  describe("journal", () => {
    it("tells each fact once, with what events need", async () => {
      const { catalog } = subject
      await put(catalog, { backends: ["local", "remote"], principal: "me", requestId: "r1", idempotencyKey: "k1" })
      await settle(catalog, "a", "done")
      await settle(catalog, "a", park(), { backend: "remote" })
      await catalog.commitDelete({ key: "a", time: 4_000, principal: "you" })
      await settle(catalog, "a", "done")
      const records = [...catalog.journal({ after: 0 })]
      const id = idOf("a")
      expect(records.map((record) => record.sequence)).toEqual([1, 2, 3, 4, 5])
      expect(records).toMatchObject([
        {
          command: "put",
          time: 1_000,
          key: "a",
          id,
          backend: null,
          principal: "me",
          requestId: "r1",
          idempotencyKey: "k1",
          detail: { version: 1, size: 1, isNew: true, backends: ["local", "remote"] },
        },
        { command: "sync", key: "a", id, backend: "local", principal: null, detail: { have: id, generation: 1 } },
        { command: "sync-failed", key: "a", id, backend: "remote", detail: { error: FAULT } },
        { command: "delete", key: "a", id, principal: "you", detail: { version: 2, backends: ["local", "remote"] } },
        { command: "sync", key: "a", id: null, backend: "local", detail: { have: null, generation: 2 } },
      ])
      expect(catalog.lastSequence()).toBe(5)
      expect(catalog.counters().journal).toBe(5)
    })

    it("is read in pages after a sequence", async () => {
      for (let index = 0; index < 20; index += 1) await put(subject.catalog, { content: `${index}` })
      expect([...subject.catalog.journal({ after: 17 })].map((record) => record.sequence)).toEqual([18, 19, 20])
      expect([...subject.catalog.journal({ after: 3, limit: 2 })].map((record) => record.sequence)).toEqual([4, 5])
      expect([...subject.catalog.journal({ after: 20 })]).toEqual([])
    })

    it("chains each record to the one before, by a hash that others can compute", async () => {
      await put(subject.catalog, { content: "1" })
      await put(subject.catalog, { content: "2" })
      let chain = ""
      for (const record of subject.catalog.journal({ after: 0 })) {
        const { sequence, time, command, key, id, backend, principal, requestId, idempotencyKey, detail } = record
        const fields = [time, command, key, id, backend, principal, requestId, idempotencyKey, detail]
        chain = hash("sha256", `${chain}${sequence}${JSON.stringify(fields)}`, "hex")
        expect(record.chain).toBe(chain)
      }
      expect(chain).toMatch(/^[0-9a-f]{64}$/)
    })
  })
}
