/**
 * The suite of the backend contract. A driver joins it with a test file of a few lines; what it cannot do it says in its capabilities or in
 * the options of the suite.
 */
import { afterEach, beforeEach, describe } from "vitest"
import { createHashers } from "../../src/checksums/hashers.ts"
import { batchCases } from "./backend/batch-cases.ts"
import { copyCases } from "./backend/copy-cases.ts"
import type { BackendSuite, BackendUnderTest, SuiteGroup } from "./backend/harness.ts"
import { keyCases } from "./backend/key-cases.ts"
import { listCases } from "./backend/list-cases.ts"
import { putCases } from "./backend/put-cases.ts"
import { readCases } from "./backend/read-cases.ts"
import { readOnlyCases } from "./backend/read-only-cases.ts"

/** What backends under test are handed. */
export const hashers = await createHashers()

export function backendSuite(suite: BackendSuite): void {
  describe(`backend contract: ${suite.name}`, () => {
    let current: BackendUnderTest | null = null
    beforeEach(async () => {
      current = await suite.make()
    })
    afterEach(async () => {
      await current?.dispose()
      current = null
    })
    const made = (): BackendUnderTest => {
      if (current) return current
      throw new Error("a backend exists only during a test")
    }
    const group = (name: SuiteGroup, cases: () => void): void => {
      const { only } = suite
      if (!only || only.groups.includes(name)) describe(name, cases)
      else describe.skip(`${name} (${only.reason})`, cases)
    }
    group("put", () => putCases(suite, made))
    group("keys", () => keyCases(suite, made))
    group("get, stat, checksum, delete", () => readCases(suite, made, hashers))
    group("list", () => listCases(suite, made))
    group("batches and health", () => batchCases(suite, made))
    group("copies", () => copyCases(suite, made, hashers))
    group("opened to be read only", () => readOnlyCases(made))
  })
}
