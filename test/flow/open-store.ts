/** Opens a store for one test in a directory of its own, with retries fast enough for a test, and takes both away after it. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { onTestFinished } from "vitest"
import { MemoryBackend } from "../../src/backends/memory.ts"
import { type CreateStoreOptions, type OpenedStore, openStore } from "../../src/compose.ts"
import type { StoreConfigInput } from "../../src/core/config.ts"

export const FAST_RETRIES: CreateStoreOptions = {
  retry: { baseDelay: 5, maxDelay: 20, maxAttempts: 5 },
  breaker: { threshold: 50, pause: 20, maxPause: 100 },
}

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "stored-test-"))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Two memory backends `a` and `b` unless the test configures others. */
export async function openTestStore(
  config: StoreConfigInput = {},
  options: CreateStoreOptions = {},
): Promise<OpenedStore & { directory: string }> {
  const directory = config.data ?? (await temporaryDirectory())
  const backends = config.backends ?? { a: { driver: "memory" }, b: { driver: "memory" } }
  const opened = await openStore({ ...config, data: directory, backends }, { ...FAST_RETRIES, ...options })
  onTestFinished(() => opened.store.close())
  return { ...opened, directory }
}

/** The memory backend of that name, to make it fail or to look inside. */
export function memoryBackend(opened: OpenedStore, name: string): MemoryBackend {
  const { backend } = opened.services.backends.get(name)
  if (backend instanceof MemoryBackend) return backend
  throw new Error(`backend ${name} is not a memory backend`)
}
