/** What the cases of the store's face share: a store that is opened behind it, and things to put. */
import { createHash } from "node:crypto"
import { onTestFinished } from "vitest"
import type { CreateStoreOptions, OpenedStore } from "../../../src/compose.ts"
import type { StoreConfigInput } from "../../../src/core/config.ts"
import type { StoreEvent } from "../../../src/core/event.ts"
import type { ListOptions, StoreFace } from "../../../src/store/store.ts"
import { createGate } from "../../fault/store-harness.ts"
import { memoryBackend } from "../../flow/open-store.ts"

export interface FaceUnderTest {
  store: StoreFace
  /** the store behind it, to look inside and to make it fail */
  opened: OpenedStore
}

/** Two memory backends `a` and `b` unless the case configures others; closed after the test. */
export type OpenFace = (config?: StoreConfigInput, options?: CreateStoreOptions) => Promise<FaceUnderTest>

export const text = Buffer.from("the quick brown fox")
export const hex = createHash("sha256").update(text).digest("hex")

/** A store whose only backend takes nothing in until the test is over. */
export async function withHungBackend(open: OpenFace): Promise<FaceUnderTest & { reached: Promise<void> }> {
  const face = await open({ backends: { a: { driver: "memory" } } })
  const gate = createGate()
  // The store closes sooner where nothing hangs.
  onTestFinished(() => gate.open())
  memoryBackend(face.opened, "a").intercept = (operation) => (operation === "put" ? gate.pass() : undefined)
  return { ...face, reached: gate.reached }
}

export async function keysOf(store: StoreFace, options?: ListOptions): Promise<string[]> {
  return (await Array.fromAsync(store.list(options))).map((object) => object.key)
}

/** The next `count` events, then the iteration is left. */
export async function take(events: AsyncIterable<StoreEvent>, count: number): Promise<StoreEvent[]> {
  const taken: StoreEvent[] = []
  for await (const event of events) {
    taken.push(event)
    if (taken.length === count) break
  }
  return taken
}

/** Resolves with what a listener is given first. */
export function heard<Data>(): { listener: (data: Data) => void; first: Promise<Data>; all: Data[] } {
  const { promise, resolve } = Promise.withResolvers<Data>()
  const all: Data[] = []
  const listener = (data: Data): void => {
    all.push(data)
    resolve(data)
  }
  return { listener, first: promise, all }
}
