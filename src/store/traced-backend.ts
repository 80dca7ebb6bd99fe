/**
 * A backend whose calls are spans: what was asked of which backend, and how long it took to answer. A decorator of the contract: whatever an ability is
 * there or not, it stays so. A `get` is over when its stream is there, a listing when it was read to its end or left.
 */
import type { BackendEntry, BackendListOptions, StorageBackend } from "../backends/backend.ts"
import { toStoredError } from "../core/error.ts"
import type { Attributes, Tracer } from "../tracing/tracer.ts"

/** Calls that wait for the backend, each with the attributes that its arguments and its answer give. Keys come first in all of them. */
const CALLS = ["open", "put", "get", "stat", "delete", "checksum", "recognise", "copy", "healthCheck"] as const
type Call = (typeof CALLS)[number]
const KEYLESS: readonly Call[] = ["open", "healthCheck"]

type Method = (...words: unknown[]) => unknown

/** @param name of the backend, as it is registered */
export function tracedBackend(
  backend: StorageBackend,
  name: string,
  tracer: Tracer | null | undefined,
): StorageBackend {
  if (!tracer) return backend
  const common = { "adapter.kind": backend.driver, "adapter.name": name }
  const traced = new Map<PropertyKey, Method>()
  for (const call of CALLS) {
    if (backend[call]) traced.set(call, callWithin(backend, call, tracer, common))
  }
  traced.set("list", (options) => listWithin(backend, options as BackendListOptions | undefined, tracer, common))
  return new Proxy(backend, {
    // With the backend itself as `this`, also for what is private to it.
    get: (target, property) => {
      const own = traced.get(property)
      if (own) return own
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === "function" ? value.bind(target) : value
    },
    set: (target, property, value) => Reflect.set(target, property, value, target),
  })
}

function callWithin(backend: StorageBackend, call: Call, tracer: Tracer, common: Attributes): Method {
  const run = backend[call] as Method
  return (...words) => {
    const attributes = { ...common, "stored.operation": call, ...sizeOf(call, words), ...keyOf(call, words, tracer) }
    return tracer.within(`backend.${call}`, { kind: "client", attributes }, async (span) => {
      const answer = await run.apply(backend, words)
      const size = call === "stat" ? (answer as { size?: number } | null)?.size : undefined
      if (size !== undefined) span.set({ "stored.size": size })
      return answer
    })
  }
}

async function* listWithin(
  backend: StorageBackend,
  options: BackendListOptions | undefined,
  tracer: Tracer,
  common: Attributes,
): AsyncGenerator<BackendEntry> {
  const span = tracer.begin("backend.list", { kind: "client", attributes: { ...common, "stored.operation": "list" } })
  let entries = 0
  try {
    for await (const entry of span.run(() => backend.list(options))) {
      entries += 1
      yield entry
    }
  } catch (error) {
    span.fail(toStoredError(error).code)
    throw error
  } finally {
    span.set({ "stored.entries": entries })
    span.end()
  }
}

function sizeOf(call: Call, [, source]: unknown[]): Attributes {
  if (call !== "put") return {}
  const size = (source as { size?: unknown } | undefined)?.size
  return typeof size === "number" ? { "stored.size": size } : {}
}

function keyOf(call: Call, [key]: unknown[], { tellsKeys }: Tracer): Attributes {
  return tellsKeys && !KEYLESS.includes(call) && typeof key === "string" ? { "stored.key": key } : {}
}
