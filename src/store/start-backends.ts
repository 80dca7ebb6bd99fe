/** Backends from their settings to work: made, opened, given their queues. */
import { resolve } from "node:path"
import {
  createBackend,
  isInProcess,
  mapBackendPaths,
  parseBackendConfig,
  redactBackendConfig,
} from "../backends/registry.ts"
import type { HasherFactory } from "../core/checksum.ts"
import { invalidConfig } from "../core/config.ts"
import { isStoredError } from "../core/error.ts"
import type { JsonObject } from "../core/json.ts"
import { DEFAULT_KEY_TEMPLATE } from "../core/key-template.ts"
import type { RateLimit } from "../core/rate-limit.ts"
import { type BackendMaker, enlist } from "./add-backend.ts"
import type { RegisteredBackend } from "./backend-set.ts"
import type { Configured } from "./configuration.ts"
import type { Log } from "./log.ts"
import type { StoreServices } from "./services.ts"

const DEFAULT_CONCURRENCY = 8

/** A backend from its settings, not yet open. @throws StoredError INVALID_CONFIG */
export function registerBackend(name: string, config: unknown, hashers: HasherFactory, log: Log): RegisteredBackend {
  const issues = parseBackendConfig(name, config)
  if (issues.length > 0) throw invalidConfig(issues)
  const settings = config as { driver: string; concurrency?: number; rateLimit?: RateLimit; keyTemplate?: string }
  const backend = createBackend(name, config, {
    hashers,
    onSkip: (entry) => log.info({ backend: name, ...entry }, "passed over"),
  })
  const concurrency = settings.concurrency ?? DEFAULT_CONCURRENCY
  return {
    name,
    driver: settings.driver,
    config: redactBackendConfig(config),
    settings: mapBackendPaths(config, (path) => resolve(path)) as JsonObject & { driver: string },
    inProcess: isInProcess(config),
    backend,
    concurrency,
    rateLimit: settings.rateLimit ?? null,
    keyTemplate: settings.keyTemplate ?? DEFAULT_KEY_TEMPLATE,
    watching: new AbortController(),
  }
}

/** Every backend that is in use. One that cannot be opened now is tried again when it is needed. */
export async function startBackends(
  services: StoreServices,
  configured: Configured,
  make: BackendMaker,
  work: boolean,
): Promise<void> {
  const { backends, log } = services
  for (const [name, backend] of configured.backends) backends.add(make(name, backend))
  await Promise.all(
    backends.names().map(async (name) => {
      try {
        await backends.opened(name)
      } catch (error) {
        if (!isStoredError(error)) throw error
        log.warn({ backend: name, error: error.toJSON() }, "a backend cannot be opened now; it will be tried again")
      }
      if (work) enlist(services, backends.get(name))
    }),
  )
}
