/** Backends from their settings to work: made, opened, given their queues. */
import { resolve } from "node:path"
import {
  createBackend,
  isInProcess,
  mapBackendPaths,
  parseBackendConfig,
  redactBackendConfig,
} from "../backends/registry.ts"
import type { BackendRecord } from "../catalog/record.ts"
import type { HasherFactory } from "../core/checksum.ts"
import { invalidConfig } from "../core/config.ts"
import { type EndpointRule, Endpoints } from "../core/endpoints.ts"
import { isStoredError, type StoredError } from "../core/error.ts"
import type { JsonObject } from "../core/json.ts"
import { DEFAULT_KEY_TEMPLATE } from "../core/key-template.ts"
import type { RateLimit } from "../core/rate-limit.ts"
import type { Tracer } from "../tracing/tracer.ts"
import { type BackendMaker, enlist } from "./add-backend.ts"
import type { RegisteredBackend } from "./backend-set.ts"
import type { Configured } from "./configuration.ts"
import { areOld, keepAbilities } from "./keep-abilities.ts"
import { storablePaths } from "./kept-backends.ts"
import { LockedBackend } from "./locked-backend.ts"
import type { Log } from "./log.ts"
import type { StoreServices } from "./services.ts"
import { tracedBackend } from "./traced-backend.ts"

const DEFAULT_CONCURRENCY = 8

/** What is to be known of the world outside. */
export interface NetworkOptions {
  /** where on the network backends may be; absent: anywhere but at link-local and metadata addresses */
  endpoints?: EndpointRule
  /** whoever collects spans; absent or null: nobody, and there are none */
  tracer?: Tracer | null
}

export interface RegisterParts {
  hashers: HasherFactory
  log: Log
  endpoints?: EndpointRule | undefined
  tracer?: Tracer | null | undefined
  /** what it found out when it was opened before */
  knownAbilities?: JsonObject | undefined
}

/** A backend from its settings, not yet open. @throws StoredError INVALID_CONFIG */
export function registerBackend(
  name: string,
  config: unknown,
  { hashers, log, endpoints, tracer, knownAbilities }: RegisterParts,
): RegisteredBackend {
  const issues = parseBackendConfig(name, config)
  if (issues.length > 0) throw invalidConfig(issues)
  const settings = config as { driver: string; concurrency?: number; rateLimit?: RateLimit; keyTemplate?: string }
  const backend = createBackend(name, config, {
    hashers,
    endpoints: new Endpoints(endpoints),
    ...(knownAbilities && { knownAbilities }),
    onSkip: (entry) => log.info({ backend: name, ...entry }, "passed over"),
  })
  const concurrency = settings.concurrency ?? DEFAULT_CONCURRENCY
  return {
    name,
    driver: settings.driver,
    config: redactBackendConfig(config),
    settings: mapBackendPaths(config, (path) => resolve(path)) as JsonObject & { driver: string },
    inProcess: isInProcess(config),
    backend: tracedBackend(backend, name, tracer),
    concurrency,
    rateLimit: settings.rateLimit ?? null,
    keyTemplate: settings.keyTemplate ?? DEFAULT_KEY_TEMPLATE,
    watching: new AbortController(),
    watch: { now: null },
  }
}

/** One whose secrets cannot be had: known, and of no use until they are there. Nobody else can work for it either. */
function registerLocked(name: string, config: unknown, fault: StoredError): RegisteredBackend {
  const settings = config as { driver: string; keyTemplate?: string }
  return {
    name,
    driver: settings.driver,
    config: redactBackendConfig(config),
    settings,
    inProcess: true,
    backend: new LockedBackend(settings.driver, fault),
    concurrency: DEFAULT_CONCURRENCY,
    rateLimit: null,
    keyTemplate: settings.keyTemplate ?? DEFAULT_KEY_TEMPLATE,
    watching: new AbortController(),
    watch: { now: null },
    locked: true,
  }
}

/** Every backend that is in use. One that cannot be opened now is tried again when it is needed. */
export async function startBackends(
  services: StoreServices,
  configured: Configured,
  make: BackendMaker,
  work: boolean,
): Promise<void> {
  const { backends, catalog, log, clock } = services
  const makeFresh: BackendMaker = (name, config, abilities) => {
    const made = make(name, config, abilities)
    return abilities && made.backend.probe && areOld(abilities, clock.now()) ? make(name, config) : made
  }
  const known = new Map(catalog.backends().map((record) => [record.name, record]))
  for (const [name, backend] of configured.backends) {
    const fault = configured.locked.get(name)
    const abilities = knownAbilities(known.get(name), backend, services.config.data)
    // Whoever only looks asks nothing.
    const made = (): RegisteredBackend => (work ? makeFresh : make)(name, backend, abilities)
    backends.add(fault ? registerLocked(name, backend, fault) : made())
  }
  await Promise.all(
    backends.names().map(async (name) => {
      try {
        const { abilities } = await backends.opened(name)
        if (work && abilities) await keepAbilities(services, name, abilities)
      } catch (error) {
        if (!isStoredError(error)) throw error
        log.warn({ backend: name, error: error.toJSON() }, "a backend cannot be opened now; it will be tried again")
      }
      if (work) enlist(services, backends.get(name))
    }),
  )
}

/** Nothing where the settings are not those with which it was found out: they may lead to another server. */
function knownAbilities(record: BackendRecord | undefined, settings: unknown, data: string): JsonObject | undefined {
  const isSame = JSON.stringify(record?.config) === JSON.stringify(redactBackendConfig(storablePaths(settings, data)))
  return isSame ? record?.abilities : undefined
}
