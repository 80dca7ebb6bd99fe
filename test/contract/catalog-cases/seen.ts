/** What is on its way to the disk is seen by nobody, and all that is read in one turn is of one commit. */
import { describe, expect, it } from "vitest"
import { idOf, put } from "../catalog.facts.ts"
import type { Subject } from "../catalog.suite.ts"

const VERSIONS = 60

export function seenCases(subject: Subject): void {
  describe("what is seen", () => {
    const contentOf = (version: number) => `content ${version}`

    /** By way of the cache, of an index, of rows that are read anew each time. */
    function seen(version: number): object {
      const { catalog } = subject
      const object = catalog.object("a")
      const job = catalog.jobOf({ backend: "local", key: "a" })
      return {
        version: object?.version ?? 0,
        copies: object ? [...catalog.locationsOf(object.id)].map(({ want }) => want) : [],
        journal: [...catalog.journal({ after: 0 })].length,
        last: catalog.lastSequence(),
        due: catalog.due("sync-local", { now: 9_000, limit: 9 }).map(({ sequence }) => sequence),
        job: job ? [job.sequence] : [],
        queues: catalog.queues().map(({ due }) => due),
        older: [...catalog.keysOf(idOf(contentOf(version - 1)))],
      }
    }

    it("is all that was told, and nothing else", async () => {
      let looks = 0
      for (let version = 1; version <= VERSIONS; version += 1) {
        const before = seen(version)
        let isTold = false
        const commit = put(subject.catalog, { content: contentOf(version) }).then(() => {
          isTold = true
        })
        while (!isTold) {
          expect(seen(version)).toEqual(before)
          looks += 1
          await new Promise((resume) => setImmediate(resume))
        }
        await commit
        const after = seen(version)
        const [job] = subject.catalog.due("sync-local", { now: 9_000, limit: 1 }).map(({ sequence }) => sequence)
        expect(after).toEqual({
          ...{ version, journal: version, last: version, due: [job], job: [job], queues: [1], older: [] },
          copies: [idOf(contentOf(version))],
        })
      }
      expect(looks).toBeGreaterThanOrEqual(VERSIONS)
    })
  })
}
