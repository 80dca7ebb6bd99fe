/** `addBackend` (A10): checked, opened, asked something, kept in the catalog with its secrets sealed, and in use from the next put on. */
import { syncQueue } from "../../queues/job.ts"
import type { ExpectedPlace, StorageBackend } from "../backends/backend.ts"
import { StoredError } from "../core/error.ts"
import type { JsonObject } from "../core/json.ts"
import { parseBackendName } from "../core/key.ts"
import { withKeptSecrets } from "./backend-secrets.ts"
import type { RegisteredBackend } from "./backend-set.ts"
import { isPaused } from "./is-paused.ts"
import { storablePaths } from "./kept-backends.ts"
import { openAndProbe } from "./probe-backend.ts"
import type { StoreServices } from "./services.ts"
import { backendInfo } from "./status.ts"
import type { BackendInfo, SetBackendOptions } from "./store.ts"
import { watchBackend } from "./watch.ts"

/** What is missing is made. */
const FIRST: ExpectedPlace = { as: "new", identity: null }

/** @param knownAbilities what it found out when it was opened before with these settings */
export type BackendMaker = (name: string, config: unknown, knownAbilities?: JsonObject) => RegisteredBackend

/** @throws StoredError BACKEND_EXISTS, CONFLICT, INVALID_INPUT, INVALID_CONFIG, SECRET_UNAVAILABLE, and why it cannot be used */
export async function addBackend(
  services: StoreServices,
  make: BackendMaker,
  name: string,
  config: JsonObject,
  actor: SetBackendOptions = {},
): Promise<BackendInfo> {
  const { backends, lifecycle, bus, catalog, clock } = services
  lifecycle.requireOpen()
  parseBackendName(name)
  if (backends.has(name) || backends.isLeaving(name))
    throw new StoredError(
      "BACKEND_EXISTS",
      `There is a backend "${name}" already; remove it first or choose another name.`,
    )
  return backends.claiming(name, async () => {
    const made = make(name, withKeptSecrets(name, config, null))
    let holds = false
    await openAndProbe(services, name, made.backend, FIRST, async (signal) => {
      holds = await holdsSomething(made.backend, signal)
    })
    const registered = holds ? observed(made) : made
    await keepOrClose(services, registered, actor)
    backends.add(registered, { opened: true })
    enlist(services, registered)
    bus.publish("backend:add", catalog.lastSequence(), clock.now(), { backend: name, driver: registered.driver })
    return backendInfo(services, name)
  })
}

async function holdsSomething(backend: StorageBackend, signal: AbortSignal): Promise<boolean> {
  for await (const _ of backend.list({ limit: 1, signal })) return true
  return false
}

/** What lies there already is somebody's: it is observed, and nothing is put there unasked, unless its settings say otherwise. */
function observed(registered: RegisteredBackend): RegisteredBackend {
  if (registered.config.mode !== undefined) return registered
  const { config, settings } = registered
  return {
    ...registered,
    config: { ...config, mode: "observe" },
    settings: { ...settings, mode: "observe" } as typeof settings,
  }
}

/** What cannot be kept is not used. */
export async function keepOrClose(
  { catalog, clock, config, secrets }: StoreServices,
  { name, driver, settings, backend }: RegisteredBackend,
  { principal, requestId }: SetBackendOptions,
): Promise<void> {
  try {
    const kept = await secrets.seal(name, storablePaths(settings, config.data), catalog.backends())
    const { abilities, identity } = backend
    const found = { ...(abilities && { abilities }), ...(identity && { identity }) }
    await catalog.commitBackend(
      { name, driver, ...kept, created: clock.now(), ...found },
      { ...(principal !== undefined && { principal }), ...(requestId !== undefined && { requestId }) },
    )
  } catch (error) {
    await backend.close()
    throw error
  }
}

/** Its jobs begin, unless it was paused and has not been resumed since. Those of a locked one wait, and no try is burnt. */
export function workOn({ catalog, runner }: StoreServices, registered: RegisteredBackend): void {
  const { name, concurrency, rateLimit, locked } = registered
  if (locked) return
  runner.addBackend(name, { concurrency, rateLimit, paused: isPaused(catalog, name) })
}

/** Gives a registered backend its queue and, where asked for, its watch. */
export function enlist(services: StoreServices, registered: RegisteredBackend): void {
  workOn(services, registered)
  services.runner.nudge(syncQueue(registered.name))
  services.scans.begin(registered)
  services.validations.begin(registered)
  watchBackend(services, registered)
}
