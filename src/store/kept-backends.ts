/** Backends as the catalog keeps them, and back: paths that hold everywhere, secrets sealed. One whose secrets cannot be had stands for itself alone. */
import { isAbsolute, relative, resolve } from "node:path"
import { mapBackendPaths } from "../backends/registry.ts"
import type { Catalog } from "../catalog/catalog.ts"
import type { BackendRecord } from "../catalog/record.ts"
import type { Clock } from "../core/clock.ts"
import { isStoredError, type StoredError } from "../core/error.ts"
import type { JsonObject } from "../core/json.ts"
import type { BackendSecrets } from "./backend-secrets.ts"
import type { Log } from "./log.ts"

interface Parts {
  catalog: Pick<Catalog, "backends" | "commitBackend">
  secrets: BackendSecrets
  clock: Clock
  log: Log
}

export interface Recalled {
  backends: Map<string, JsonObject>
  locked: Map<string, StoredError>
}

/** Backends as they are kept, secrets too. One whose secrets cannot be had stands for itself alone. */
export async function recallBackends(
  { catalog, secrets }: Pick<Parts, "catalog" | "secrets">,
  data: string,
): Promise<Recalled> {
  const absolute = (path: string): string => resolve(data, path)
  const recalled: Recalled = { backends: new Map(), locked: new Map() }
  for (const record of catalog.backends()) {
    const { name, config } = record
    try {
      recalled.backends.set(name, mapBackendPaths(await secrets.unseal(record), absolute))
    } catch (error) {
      if (!isUnavailable(error)) throw error
      recalled.locked.set(name, error)
      recalled.backends.set(name, mapBackendPaths(config, absolute))
    }
  }
  return recalled
}

export function isUnavailable(error: unknown): error is StoredError {
  return isStoredError(error) && error.code === "SECRET_UNAVAILABLE"
}

/** Whether a row says these settings. */
export async function isKept(secrets: BackendSecrets, record: BackendRecord, settings: JsonObject): Promise<boolean> {
  try {
    return JSON.stringify(await secrets.unseal(record)) === JSON.stringify(settings)
  } catch (error) {
    if (isUnavailable(error)) return false
    throw error
  }
}

/** Secrets that older programs kept as they were, or that are under an older key, are sealed under the present one: a key can go once that has been done. */
export async function sealAnew({ catalog, secrets, clock, log }: Parts): Promise<void> {
  for (const record of catalog.backends()) {
    const { name } = record
    try {
      if (!(await secrets.isStale(record))) continue
      const kept = await secrets.seal(name, await secrets.unseal(record), catalog.backends())
      await catalog.commitBackend({ ...record, ...kept, created: clock.now() }, {})
      log.info({ backend: name }, "the secrets of a backend were sealed anew")
    } catch (error) {
      if (!isUnavailable(error) && !(isStoredError(error) && error.code === "DISK_FULL")) throw error
      log.warn({ backend: name, error: error.toJSON() }, "the secrets of a backend could not be sealed anew")
    }
  }
}

/** A backend's settings with their paths such that they hold everywhere. */
export function storablePaths(config: unknown, data: string): JsonObject {
  return mapBackendPaths(config, (path) => storablePath(path, data))
}

/** Relative to the data directory where it lies inside, else whole. */
export function storablePath(path: string, data: string): string {
  const inside = relative(resolve(data), resolve(path))
  return inside === ".." || inside.startsWith("../") || isAbsolute(inside) ? resolve(path) : `./${inside}`
}
