/**
 * `setBackend`: adds a backend or changes the settings of one that is there. Settings that do not work, or that lead to another place than where its copies are,
 * change nothing. `***` for a secret leaves it as it is.
 */
import type { StorageBackend } from "../backends/backend.ts"
import { StoredError, toStoredError } from "../core/error.ts"
import type { JsonObject } from "../core/json.ts"
import { parseBackendName } from "../core/key.ts"
import { addBackend, type BackendMaker, enlist, keepOrClose, workOn } from "./add-backend.ts"
import { asksForKept, withKeptSecrets } from "./backend-secrets.ts"
import type { RegisteredBackend } from "./backend-set.ts"
import { openAndProbe } from "./probe-backend.ts"
import { isSynced } from "./reference.ts"
import type { StoreServices } from "./services.ts"
import { backendInfo } from "./status.ts"
import type { BackendInfo, SetBackendOptions } from "./store.ts"

const STOP_DEADLINE = 5_000
/** Copies that new settings must show, and how many locations are passed over at most to find them. */
const SHOWN_COPIES = 3
const PASSED_OVER = 1_000

/** @throws StoredError INVALID_INPUT, INVALID_CONFIG, CONFLICT, SECRET_UNAVAILABLE, and why it cannot be used */
export async function setBackend(
  services: StoreServices,
  make: BackendMaker,
  name: string,
  config: JsonObject,
  actor: SetBackendOptions = {},
): Promise<BackendInfo> {
  const { backends, lifecycle } = services
  lifecycle.requireOpen()
  parseBackendName(name)
  if (!backends.has(name)) return addBackend(services, make, name, config, actor)
  return backends.claiming(name, async () => {
    const before = backends.get(name)
    const registered = make(name, withKeptSecrets(name, config, asksForKept(config) ? keptSettings(before) : null))
    // Its copies show whether it is the place: they may have been moved there.
    const as = backends.placeOf(name).as === "new" ? "new" : "accepted"
    await openAndProbe(services, name, registered.backend, { as, identity: null }, (signal) =>
      requireSamePlace(services, registered, registered.backend, signal),
    )
    await swap(services, before, registered, actor)
    return backendInfo(services, name)
  })
}

/** @throws StoredError SECRET_UNAVAILABLE */
function keptSettings({ settings, locked, fault }: ReturnType<StoreServices["backends"]["get"]>): JsonObject {
  if (locked && fault) throw fault
  return settings as JsonObject & typeof settings
}

/** `synced` is a proof about a place: settings that name another one would make it a lie. */
async function requireSamePlace(
  { catalog }: StoreServices,
  { name }: RegisteredBackend,
  backend: StorageBackend,
  signal: AbortSignal,
): Promise<void> {
  let shown = 0
  for (const location of catalog.locations(name, { limit: PASSED_OVER })) {
    const blob = isSynced(location) && location.want !== null ? catalog.blob(location.want) : null
    if (!blob) continue
    const seen = await backend.stat(location.key, { signal })
    if (seen?.size !== blob.size) {
      throw new StoredError(
        "CONFLICT",
        `These settings do not lead to where the copies of backend "${name}" are: "${location.key}" is not there as it should be. Add them under another name, or mend this.`,
        { details: { backend: name, key: location.key } },
      )
    }
    shown += 1
    if (shown === SHOWN_COPIES) return
  }
}

/** Its jobs stop for the moment, and go on whatever happens. */
async function swap(
  services: StoreServices,
  before: RegisteredBackend,
  registered: RegisteredBackend,
  actor: SetBackendOptions,
): Promise<void> {
  const { backends, runner, lifecycle, log } = services
  await Promise.all([
    runner.removeBackend(before.name, STOP_DEADLINE),
    services.scans.end(before.name),
    services.validations.end(before.name),
  ])
  try {
    await keepOrClose(services, registered, actor)
  } catch (error) {
    if (lifecycle.state !== "closing") {
      workOn(services, before)
      services.scans.begin(before)
      services.validations.begin(before)
    }
    throw error
  }
  backends.add(registered, { opened: true })
  before.watching.abort()
  before.backend.close().catch((error: unknown) => {
    log.warn({ backend: before.name, error: toStoredError(error).toJSON() }, "a backend could not be closed")
  })
  enlist(services, registered)
}
