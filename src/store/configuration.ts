/**
 * What a data directory is configured with. Whoever opens it with backends named explicitly configures it, and that is kept in the catalog;
 * whoever opens it without any gets what was kept, and what they say besides goes before it. So a command, the doctor and a server without a
 * configuration file see the same copies as the program that made them.
 *
 * Paths are kept so that they hold in every working directory, and those inside the data directory so that it can be moved.
 */
import { join, resolve } from "node:path"
import { parseBackendConfig } from "../backends/registry.ts"
import type { Catalog } from "../catalog/catalog.ts"
import type { BackendRecord, ConfigurationRecord } from "../catalog/record.ts"
import type { Clock } from "../core/clock.ts"
import { parseConfig, type StoreConfig, type StoreConfigInput } from "../core/config.ts"
import { isStoredError, type StoredError } from "../core/error.ts"
import type { JsonObject } from "../core/json.ts"
import { asksForKept, type BackendSecrets, withKeptSecrets } from "./backend-secrets.ts"
import { isKept, isUnavailable, recallBackends, sealAnew, storablePath, storablePaths } from "./kept-backends.ts"
import type { Log } from "./log.ts"

export interface Configured {
  config: StoreConfig
  /** settings of every backend that is in use, by name; secrets too */
  backends: Map<string, JsonObject>
  /** those whose secrets cannot be had, and why: of their settings only what is shown is known */
  locked: Map<string, StoredError>
  /** backends that an earlier configuration named: in use, but no put goes there by default */
  left: string[]
}

export interface ConfigureOptions {
  /** a data directory in which nothing has happened yet gets a backend `local` of its own where none is configured */
  localByDefault: boolean
  /** whether an explicit configuration is kept; false changes nothing */
  keep: boolean
}

type Parts = { catalog: Pick<Catalog, ReadVerbs | WriteVerbs>; secrets: BackendSecrets; clock: Clock; log: Log }
type ReadVerbs = "backends" | "configuration" | "lastSequence" | "locations"
type WriteVerbs = "commitConfiguration" | "commitBackend" | "commitBackendRemoval"

/** @throws StoredError INVALID_CONFIG where what was kept does not fit what is said besides */
export async function configure(parts: Parts, input: StoreConfigInput, options: ConfigureOptions): Promise<Configured> {
  const configured = await choose(parts, input, options)
  if (options.keep) await sealAnew(parts)
  warnOfTooFewCopies(parts.log, configured)
  return configured
}

/** No mistake, as a put may name more backends itself: those that do not would fill staging, and nobody would see why. */
function warnOfTooFewCopies(log: Log, { config, backends, left }: Configured): void {
  const { minCopies } = config
  const defaultBackends = config.defaultBackends ?? [...backends.keys()].filter((name) => !left.includes(name))
  if (new Set(defaultBackends).size >= minCopies) return
  log.warn(
    { minCopies, defaultBackends },
    "puts that name no backends go to fewer of them than minCopies: their staged bytes are never dropped. Add backends, or lower minCopies",
  )
}

async function choose(parts: Parts, input: StoreConfigInput, options: ConfigureOptions): Promise<Configured> {
  const { catalog } = parts
  if (input.backends !== undefined) return configureExplicitly(parts, input, options)
  const isNew = catalog.lastSequence() === 0 && catalog.configuration() === null
  if (isNew && options.localByDefault) return configureExplicitly(parts, withLocal(input), options)
  return recall(parts, input)
}

function withLocal(input: StoreConfigInput): StoreConfigInput {
  const root = join(parseConfig({ data: input.data }).data, "objects")
  return { ...input, backends: { local: { driver: "fs", root } }, defaultBackends: ["local"] }
}

async function configureExplicitly(
  parts: Parts,
  input: StoreConfigInput,
  { keep }: ConfigureOptions,
): Promise<Configured> {
  const { catalog, log } = parts
  const config = parseConfig(input, parseBackendConfig)
  const kept = catalog.configuration()
  const { backends: known, locked } = await recallBackends(parts, config.data)
  const given = giveKept(config, known, locked)
  const named = Object.keys(config.backends)
  const unnamed = [...(kept?.named ?? []), ...(kept?.left ?? [])].filter(
    (name) => known.has(name) && !named.includes(name),
  )
  const left = unnamed.filter((name) => holdsSomething(catalog, name))
  for (const name of unnamed) if (!left.includes(name)) known.delete(name)
  for (const name of left)
    log.warn(
      { backend: name },
      "the configuration no longer names this backend, but it holds copies: it stays until it is removed",
    )
  if (keep) {
    for (const name of unnamed) if (!left.includes(name)) await forget(parts, name)
    await keepConfiguration(parts, config.data, given, { settings: settingsOf(input, config.data), named, left })
  }
  for (const [name, backend] of given) known.set(name, backend)
  for (const name of locked.keys()) if (given.has(name) || !known.has(name)) locked.delete(name)
  return { config, backends: known, locked, left }
}

/**
 * Settings as they are named now, each `***` in them being the secret that is kept. One whose kept secret cannot be had stays locked and is left out.
 * @throws StoredError INVALID_CONFIG where none is kept
 */
function giveKept(
  config: StoreConfig,
  known: ReadonlyMap<string, JsonObject>,
  locked: ReadonlyMap<string, StoredError>,
): Map<string, JsonObject> {
  const given = new Map<string, JsonObject>()
  for (const [name, backend] of Object.entries(config.backends)) {
    const settings = backend as JsonObject
    if (asksForKept(settings) && locked.has(name)) continue
    given.set(name, withKeptSecrets(name, settings, known.get(name) ?? null))
  }
  return given
}

async function recall(parts: Parts, input: StoreConfigInput): Promise<Configured> {
  const { data } = parseConfig({ data: input.data })
  const kept = parts.catalog.configuration()
  const { backends, locked } = await recallBackends(parts, data)
  const settings: StoreConfigInput = { ...kept?.settings, ...input }
  settings.cache = recallCache(kept?.settings.cache, input.cache, data)
  settings.backends = Object.fromEntries(backends) as StoreConfigInput["backends"]
  // A default that was removed since is none any more.
  if (settings.defaultBackends) settings.defaultBackends = settings.defaultBackends.filter((name) => backends.has(name))
  const left = (kept?.left ?? []).filter((name) => backends.has(name))
  // Of a locked one only what is shown is known, which need not be whole.
  const check: typeof parseBackendConfig = (name, backend) =>
    locked.has(name) ? [] : parseBackendConfig(name, backend)
  return { config: parseConfig(settings, check), backends, locked, left }
}

function holdsSomething(catalog: Parts["catalog"], name: string): boolean {
  for (const _ of catalog.locations(name, { limit: 1 })) return true
  return false
}

async function forget({ catalog, clock }: Parts, name: string): Promise<void> {
  await catalog.commitBackendRemoval(name, { limit: 1, time: clock.now() })
}

/** A disk that is full, or a key that is not at hand, must not keep a store from being opened: its reads and deletes still work. */
async function keepConfiguration(
  parts: Parts,
  data: string,
  given: ReadonlyMap<string, JsonObject>,
  record: ConfigurationRecord,
): Promise<void> {
  const { catalog, log } = parts
  try {
    const changed = await changedBackends(parts, data, given)
    if (changed.length === 0 && isSame(catalog.configuration(), record)) return
    await catalog.commitConfiguration(record, changed)
  } catch (error) {
    if (!isUnavailable(error) && !(isStoredError(error) && error.code === "DISK_FULL")) throw error
    log.warn(
      { error: error.toJSON() },
      "the configuration could not be kept; name it again when the data directory is opened next",
    )
  }
}

async function changedBackends(
  { catalog, secrets, clock }: Parts,
  data: string,
  given: ReadonlyMap<string, JsonObject>,
): Promise<BackendRecord[]> {
  const known = new Map(catalog.backends().map((record) => [record.name, record]))
  const changed: BackendRecord[] = []
  for (const [name, backend] of given) {
    const settings = storablePaths(backend, data)
    const record = known.get(name)
    if (record && (await isKept(secrets, record, settings))) continue
    const kept = await secrets.seal(name, settings, replaced(known.values(), given))
    changed.push({ name, driver: String(backend.driver), ...kept, created: clock.now() })
  }
  return changed
}

/** Rows that stay beside those that are given. */
function replaced(known: Iterable<BackendRecord>, given: ReadonlyMap<string, JsonObject>): BackendRecord[] {
  return [...known].filter(({ name }) => !given.has(name))
}

/** What is kept of a configuration beside its backends: as it was given, so that what it leaves open follows the defaults. */
function settingsOf(input: StoreConfigInput, data: string): JsonObject {
  const { data: _, backends: __, ...settings } = input
  if (!settings.cache) return toJson(settings)
  const { path, location, ...cache } = settings.cache
  const place = path ?? location
  return toJson({ ...settings, cache: { ...cache, ...(place !== undefined && { path: storablePath(place, data) }) } })
}

/** The kept settings of staging, with what is said besides before them; `path` and `location` are two names of one. */
function recallCache(kept: unknown, input: StoreConfigInput["cache"], data: string): StoreConfigInput["cache"] {
  const { path, ...cache } = (kept ?? {}) as NonNullable<StoreConfigInput["cache"]>
  const isMoved = input?.path !== undefined || input?.location !== undefined
  return { ...cache, ...(path !== undefined && !isMoved && { path: resolve(data, path) }), ...input }
}

function toJson(settings: object): JsonObject {
  return JSON.parse(JSON.stringify(settings)) as JsonObject
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
