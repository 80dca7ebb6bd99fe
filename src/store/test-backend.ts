/** `testBackend`: whether a backend answers now, with the settings and secrets that it has. */
import { probe } from "./probe-backend.ts"
import type { StoreServices } from "./services.ts"
import { backendInfo } from "./status.ts"
import type { BackendInfo } from "./store.ts"

/** @throws StoredError UNKNOWN_BACKEND, TIMEOUT, and why it does not answer */
export async function testBackend(services: StoreServices, name: string): Promise<BackendInfo> {
  services.backends.get(name)
  await probe(services, name, () => services.backends.opened(name))
  return backendInfo(services, name)
}
