/**
 * Random commands, many of them at once, against the catalog and against the naive model: after each round both must say the same, and the
 * catalog must be clean in its own eyes. fast-check prints the seed and the smallest run that fails.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Catalog, Outcome } from "../../src/catalog/catalog.ts"
import { LmdbCatalog } from "../../src/catalog/lmdb/catalog.ts"
import { MemoryCatalog } from "../../src/catalog/memory.ts"
import { done, FAULT, faultsOf, idOf, putFact } from "./catalog.facts.ts"
import { CatalogModel, type OutcomeKind } from "./catalog.model.ts"

const KEYS = ["a", "b", "a/b", "\u{1f600}"]
const CONTENTS = ["", "1", "2"]
const BACKENDS = ["x", "y"]

const key = fc.constantFrom(...KEYS)
const content = fc.constantFrom(...CONTENTS)
const backend = fc.constantFrom(...BACKENDS)

type Command =
  | { type: "put"; key: string; content: string; backends: string[] }
  | { type: "delete"; key: string }
  | { type: "copy"; from: string; key: string; backends: string[]; moves: boolean }
  | { type: "outcome"; backend: string; key: string; age: number; result: OutcomeKind }
  | { type: "evict"; content: string }
  | { type: "retry" }
  | { type: "drift"; backend: string; key: string; repair: boolean }
  | { type: "reads"; content: string; time: number }
  | { type: "remove-backend"; backend: string }

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant("put" as const), key, content, backends: fc.subarray(BACKENDS) }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("delete" as const), key }) },
  {
    weight: 3,
    arbitrary: fc
      .record({
        type: fc.constant("copy" as const),
        from: key,
        key,
        backends: fc.subarray(BACKENDS),
        moves: fc.boolean(),
      })
      .filter(({ from, key }) => from !== key),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      type: fc.constant("outcome" as const),
      backend,
      key,
      age: fc.constantFrom(0, 0, 0, 0, 1),
      result: fc.constantFrom(
        "done" as const,
        "done" as const,
        "done" as const,
        "wrong" as const,
        "retry" as const,
        "park" as const,
        "late" as const,
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("evict" as const), content }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("retry" as const) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("drift" as const), backend, key, repair: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("reads" as const), content, time: fc.nat(9_999) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("remove-backend" as const), backend }) },
)

/** Calls the command on both; the answer is compared once it is there. */
function run(catalog: Catalog, model: CatalogModel, command: Command): Promise<void> {
  const time = 1_000
  switch (command.type) {
    case "put": {
      const fact = putFact(command)
      const commit = catalog.commitPut(fact)
      model.put(command.key, fact.id, command.backends)
      const version = model.objects.get(command.key)?.version
      return commit.then(({ object }) => expect(object.version).toBe(version))
    }
    case "delete": {
      const commit = catalog.commitDelete({ key: command.key, time })
      const existed = model.delete(command.key)
      return commit.then(({ object }) => expect(object !== null).toBe(existed))
    }
    case "copy": {
      const { type: _, backends, ...ends } = command
      const copies = backends.map((name) => ({ backend: name, key: ends.key }))
      const commit = catalog.commitCopy({ ...ends, copies, sideChecksums: [], time })
      const code = model.copy(ends.from, ends.key, backends, ends.moves)
      return commit.then(
        () => expect(code).toBeNull(),
        (error: unknown) => expect(error).toMatchObject({ code }),
      )
    }
    case "outcome": {
      const place = model.place(command.backend, command.key)
      const generation = (place?.generation ?? 1) - command.age
      const commit = catalog.commitOutcomes([outcomeOf(command, generation, place?.want ?? null)], time)
      const status = model.outcome(command.backend, command.key, generation, command.result)
      return commit.then(([answer]) => expect(answer?.status).toBe(status))
    }
    case "evict": {
      const commit = catalog.commitEvict(idOf(command.content))
      const went = model.evict(idOf(command.content))
      return commit.then((answer) => expect(answer).toBe(went))
    }
    case "retry": {
      const commit = catalog.commitRetry({ limit: 1_000, time })
      const revived = model.retryAll()
      return commit.then((answer) => expect(answer).toBe(revived))
    }
    case "drift": {
      if (!model.place(command.backend, command.key)) return Promise.resolve()
      const commit = catalog.commitDrift({ ...command, state: "missing", time })
      model.drift(command.backend, command.key, command.repair)
      return commit
    }
    case "reads":
      return catalog.commitReads(new Map([[idOf(command.content), command.time]]))
    case "remove-backend": {
      const commit = catalog.commitBackendRemoval(command.backend, { limit: 1_000, time })
      model.removeBackend(command.backend)
      return commit.then((answer) => expect(answer.done).toBe(true))
    }
  }
}

function outcomeOf(
  { backend, key, result }: Extract<Command, { type: "outcome" }>,
  generation: number,
  want: ReturnType<typeof idOf> | null,
): Outcome {
  const fence = { kind: "sync" as const, backend, key, generation }
  if (result === "done") return { ...fence, result: done(want) }
  if (result === "wrong") return { ...fence, result: done(idOf("never put")) }
  if (result === "late") return { ...fence, result: { type: "late" } }
  if (result === "park") return { ...fence, result: { type: "park", error: FAULT } }
  return { ...fence, result: { type: "retry", dueAt: 5_000, error: FAULT, countAttempt: true } }
}

function compare(catalog: Catalog, model: CatalogModel): void {
  const objects = Array.from(catalog.objects(), ({ key, id, version, copies }) => [
    key,
    { id, version, backends: copies.map((copy) => copy.backend) },
  ])
  expect(Object.fromEntries(objects)).toEqual(Object.fromEntries(model.objects))
  for (const name of BACKENDS) {
    const places = Array.from(catalog.locations(name), (location) => ({
      ...{
        backend: name,
        key: location.key,
        want: location.want,
        generation: location.generation,
        attempts: location.attempts,
      },
      proven: location.state === "synced",
    }))
    const expected = [...model.places.values()].filter((place) => place.backend === name)
    expect(places).toHaveLength(expected.length)
    for (const { backend, key, want, generation, attempts, proven } of expected) {
      expect(places).toContainEqual({ backend, key, want, generation, attempts, proven })
    }
  }
  for (const id of CONTENTS.map(idOf)) {
    const blob = catalog.blob(id)
    expect(blob !== null).toBe(model.isKnown(id))
    if (!blob) continue
    const wanting = model.wanting(id)
    expect([blob.staged, blob.references, blob.wanted, blob.synced]).toEqual([
      model.staged.has(id),
      model.references(id),
      wanting.length,
      wanting.filter((place) => place.proven).length,
    ])
  }
  const parked = [...model.places.values()].filter((place) => place.parked)
  const working = [...model.places.values()].filter((place) => !place.proven && !place.parked)
  expect(catalog.counters()).toMatchObject({ parked: parked.length, outbox: parked.length + working.length })
}

/** Rounds of commands; those of one round are called at the same time. */
const rounds = fc.array(fc.array(command, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 10 })

async function check(catalog: Catalog, all: Command[][]): Promise<void> {
  const model = new CatalogModel()
  for (const round of all) {
    await Promise.all(round.map((each) => run(catalog, model, each)))
    compare(catalog, model)
  }
  expect(await faultsOf(catalog)).toEqual([])
}

describe("catalog against the naive model", () => {
  it("in memory", async () => {
    await fc.assert(
      fc.asyncProperty(rounds, async (all) => {
        const catalog = new MemoryCatalog()
        await catalog.open()
        await check(catalog, all)
        await catalog.close()
      }),
      { numRuns: 1000 },
    )
  })

  it("on LMDB", async () => {
    const root = await mkdtemp(join(tmpdir(), "stored-model-"))
    let number = 0
    try {
      await fc.assert(
        fc.asyncProperty(rounds, async (all) => {
          number += 1
          const catalog = new LmdbCatalog({ directory: join(root, String(number)), reserveBytes: 4096 })
          await catalog.open()
          try {
            await check(catalog, all)
          } finally {
            await catalog.close()
          }
        }),
        { numRuns: 60 },
      )
    } finally {
      await rm(root, { recursive: true })
    }
  })
})
