/**
 * Opens a backend for a worker. What lies on a file system of the server's host is looked at before: the server has made its root, and a worker that does
 * not find it, or finds another one there, is on another host, or its disk is not mounted. Made here anew, it would take copies to where nobody looks for them.
 */
import type { StorageBackend } from "../src/backends/backend.ts"
import { createBackend } from "../src/backends/registry.ts"
import type { HasherFactory } from "../src/core/checksum.ts"
import type { Endpoints } from "../src/core/endpoints.ts"
import { PermanentAdapterError, TransientAdapterError, throwIfAborted } from "../src/core/error.ts"
import type { JsonObject } from "../src/core/json.ts"
import type { Log } from "../src/store/log.ts"
import { tracedBackend } from "../src/store/traced-backend.ts"
import { within } from "../src/store/within.ts"
import type { Tracer } from "../src/tracing/tracer.ts"

export interface OpenBackendOptions {
  /** whether this worker shares the server's disk, or was told to work for this very backend */
  isNear: boolean
  /** what the server found out about it, and `identity`: which place it is */
  abilities?: JsonObject | undefined
  hashers: HasherFactory
  /** where on the network it may be */
  endpoints?: Endpoints | undefined
  log: Log
  /** absent or null: nobody collects spans */
  tracer?: Tracer | null | undefined
  signal: AbortSignal
  /** ms that opening may take */
  deadline?: number
}

const DEADLINE = 30_000

/** @throws StoredError why it cannot be used now */
export async function openBackend(
  name: string,
  settings: unknown,
  { isNear, abilities, hashers, endpoints, log, tracer, signal, deadline = DEADLINE }: OpenBackendOptions,
): Promise<StorageBackend> {
  const backend = createBackend(name, settings, {
    hashers,
    ...(endpoints && { endpoints }),
    ...(abilities && { knownAbilities: abilities }),
    onSkip: (entry) => log.info({ backend: name, ...entry }, "passed over"),
  })
  const closed = (error: unknown): void => log.warn({ backend: name, err: error }, "a backend was opened too late")
  try {
    const isInTime = await within(deadline, openNear(name, backend, { isNear, abilities, signal }), closed)
    throwIfAborted(signal)
    if (isInTime) return tracedBackend(backend, name, tracer)
    throw new TransientAdapterError(`Backend "${name}" did not open within ${deadline} ms.`, { code: "TIMEOUT" })
  } catch (error) {
    await within(deadline, backend.close(), closed)
    throw error
  }
}

async function openNear(
  name: string,
  backend: StorageBackend,
  { isNear, abilities, signal }: Pick<OpenBackendOptions, "isNear" | "abilities" | "signal">,
): Promise<void> {
  const identity = abilities?.identity
  // One that the server has not found yet may be any.
  const place = isObject(identity) ? ({ as: "known", identity } as const) : null
  if (backend.capabilities.local) {
    if (!isNear) throw far(name)
    await backend.open({ readOnly: true, signal, ...(place && { place }) })
    await backend.close()
  }
  await backend.open({ signal, ...(place && { place }) })
}

function isObject(value: JsonObject[string] | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function far(name: string): PermanentAdapterError {
  return new PermanentAdapterError(
    "BACKEND_REFUSED",
    `Backend "${name}" lies on a file system of the server's host, which this worker does not share; if it is mounted here under the same path, say --backends ${name}.`,
  )
}
