/** What the fault tests of the whole store share: bytes to store, a gate to hold a call at, and the doctor at the end of every test. */
import { expect } from "vitest"
import type { MemoryOperation } from "../../src/backends/memory.ts"
import type { OpenedStore } from "../../src/compose.ts"
import { examine } from "../../src/doctor/doctor.ts"
import type { Store } from "../../src/index.ts"
import { SeededRandom } from "./kill-random.ts"

/** The seed of a test's random choices: new every time, or the one to repeat. */
export function testSeed(): number {
  return Number(process.env.STORED_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32))
}

/** Bytes that differ for every seed. */
export function bytesOf(seed: number, size: number): Buffer {
  const random = new SeededRandom(seed)
  return Buffer.from(Uint8Array.from({ length: size }, () => random.below(256)))
}

export interface Gate {
  /** resolves once somebody waits at the gate */
  reached: Promise<void>
  /** waits at the gate until it is opened */
  pass(): Promise<void>
  open(): void
}

export function createGate(): Gate {
  const reached = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  return {
    reached: reached.promise,
    pass: () => {
      reached.resolve()
      return opened.promise
    },
    open: () => opened.resolve(),
  }
}

/** Holds the n-th operation of a kind (from 1) on a key at a gate; all others pass. */
export function holdAt(
  gate: Gate,
  operation: MemoryOperation,
  key: string,
  nth = 1,
): (now: MemoryOperation, nowKey: string) => Promise<void> | void {
  let seen = 0
  return (now, nowKey) => {
    if (now !== operation || nowKey !== key) return
    seen += 1
    if (seen === nth) return gate.pass()
  }
}

/** Holds evictions at a gate, after the catalog let the bytes go and before they are taken away. Returns what ends that. */
export function holdEvictions({ services: { catalog } }: Pick<OpenedStore, "services">, gate: Gate): () => void {
  const { commitEvict } = catalog
  catalog.commitEvict = async (...what) => {
    const mayGo = await commitEvict.apply(catalog, what)
    await gate.pass()
    return mayGo
  }
  return () => {
    catalog.commitEvict = commitEvict
  }
}

/** Opens the gate for what is held there once `call` has gone as far as it can without that, and waits for `call`. */
export async function openBehind<Result>(gate: Gate, call: Promise<Result>): Promise<Result> {
  await Promise.race([call, turns(200)])
  gate.open()
  return call
}

/** Lets everything else that can go on go on, `turns` times. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** The doctor's word on a store that is at rest. */
export async function expectHealthy(opened: Pick<OpenedStore, "services" | "store">): Promise<void> {
  await opened.store.idle()
  const report = await examine(opened.services)
  expect(report.findings.filter((finding) => finding.severity !== "note")).toEqual([])
}

/** The code of the error with which a call fails; `resolved` where it does not. */
export function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "resolved",
    (error: { code?: string }) => error.code ?? String(error),
  )
}

export async function keysOf(store: Store): Promise<string[]> {
  const keys: string[] = []
  for await (const object of store.list()) keys.push(object.key)
  return keys
}

export async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}
