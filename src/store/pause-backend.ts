/**
 * `pauseBackend` and `resumeBackend`: none of a backend's jobs begins until it is resumed, over restarts too, and nothing there is listed or read to be known. A job that
 * runs goes on; no try is burnt, and `synced` waits. Its copies can be read as ever.
 */
import { StoredError } from "../core/error.ts"
import type { StoreServices } from "./services.ts"
import { backendInfo } from "./status.ts"
import type { BackendInfo, PauseBackendOptions } from "./store.ts"

/** @throws StoredError UNKNOWN_BACKEND, CONFLICT (it is being removed) */
export async function pauseBackend(
  services: StoreServices,
  name: string,
  paused: boolean,
  { principal, requestId }: PauseBackendOptions = {},
): Promise<BackendInfo> {
  const { backends, catalog, clock, runner, scans, validations } = services
  backends.get(name)
  const isKept = await catalog.commitPause({
    backend: name,
    paused,
    time: clock.now(),
    ...(principal !== undefined && { principal }),
    ...(requestId !== undefined && { requestId }),
  })
  if (!isKept) throw new StoredError("CONFLICT", `Backend "${name}" is not, or no longer, kept in the catalog.`)
  if (paused) {
    runner.pause(name)
    await scans.hold(name)
  } else {
    runner.resume(name)
    scans.goOn(name)
    validations.nudge(name)
  }
  return backendInfo(services, name)
}
