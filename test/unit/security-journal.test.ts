/** What was done stands in the journal, each record chained to the one before by a hash: whoever edits one behind the catalog's back, with good checksums, is found by the doctor. */
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { chainOf } from "../../src/catalog/encoding/journal-codec.ts"
import { LmdbEngine } from "../../src/catalog/lmdb/engine.ts"
import type { JournalRecord } from "../../src/catalog/record.ts"
import { numberKey } from "../../src/catalog/rows/key.ts"
import type { Write } from "../../src/catalog/rows/transaction.ts"
import { runDoctor } from "../../src/compose.ts"
import type { StoreConfigInput } from "../../src/core/config.ts"
import { openTestStore } from "../flow/open-store.ts"

type Config = StoreConfigInput & { data: string }

/** A closed store whose journal says who put what, and the number of its records. */
async function makeStore(): Promise<{ config: Config; count: number }> {
  const { store, directory } = await openTestStore({ backends: { a: { driver: "memory" } } })
  for (const key of ["one", "two", "three"]) await store.put(Buffer.from(key), { key, principal: "token:0123456789ab" })
  await store.tokens.create({ name: "camera", scopes: ["read"] }, { principal: "admin" })
  await store.idle()
  const count = store.status().lastSequence
  await store.close()
  return { config: { data: directory, backends: { a: { driver: "memory" } } }, count }
}

async function edit({ data }: Config, change: (engine: LmdbEngine) => Write[]): Promise<void> {
  const engine = new LmdbEngine({ directory: join(data, "catalog"), examine: true })
  await engine.open()
  await engine.write(() => change(engine))
  await engine.close()
}

async function complaints(config: Config): Promise<string[]> {
  const { findings } = await runDoctor(config)
  return findings
    .filter(({ subject }) => subject.includes("journal"))
    .map(({ severity, message }) => `${severity}: ${message}`)
}

const at = (engine: LmdbEngine, sequence: number): JournalRecord => engine.get("journal", numberKey(sequence))!
const put = (record: JournalRecord): Write => ({ table: "journal", key: numberKey(record.sequence), record })

describe("the journal", () => {
  it("is found whole where nobody has touched it", async () => {
    const { config } = await makeStore()
    expect(await complaints(config)).toEqual([])
  })

  it.each<[string, (engine: LmdbEngine, count: number) => Write[]]>([
    ["another principal", (engine) => [put({ ...at(engine, 2), principal: "admin" })]],
    ["another time", (engine) => [put({ ...at(engine, 2), time: 1 })]],
    ["another key", (engine) => [put({ ...at(engine, 2), key: "another" })]],
    ["other facts", (engine) => [put({ ...at(engine, 2), detail: { size: 9 } })]],
    [
      "a record that was chained anew, and those behind it not",
      (engine) => {
        const changed = { ...at(engine, 2), principal: "admin" }
        return [put({ ...changed, chain: chainOf(at(engine, 1).chain, changed) })]
      },
    ],
    ["a record that went", () => [{ table: "journal", key: numberKey(2), record: null }]],
    ["the last record gone", (_, count) => [{ table: "journal", key: numberKey(count), record: null }]],
    ["one more at its end", (engine, count) => [put({ ...at(engine, count), sequence: count + 1 })]],
    [
      "two that changed places",
      (engine) => [put({ ...at(engine, 2), sequence: 3 }), put({ ...at(engine, 3), sequence: 2 })],
    ],
  ])("with %s fails the doctor", async (_what, change) => {
    const { config, count } = await makeStore()
    await edit(config, (engine) => change(engine, count))
    expect((await complaints(config)).join("\n")).toMatch(/^fault: /)
  })
})
