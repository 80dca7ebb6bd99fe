/** Stores with backends that have secrets, for tests that put the vault driver in the place of `fs`. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { onTestFinished } from "vitest"
import { type CreateStoreOptions, type OpenedStore, openStore } from "../../src/compose.ts"
import type { StoreConfigInput } from "../../src/core/config.ts"
import { FAST_RETRIES, temporaryDirectory } from "./open-store.ts"
import { CANARY, PASSWORD } from "./vault-driver.ts"

export const bytes = Buffer.from("the quick brown fox")

export async function open(config: StoreConfigInput, options: CreateStoreOptions = {}): Promise<OpenedStore> {
  const opened = await openStore(config, { ...FAST_RETRIES, ...options })
  onTestFinished(() => opened.store.close())
  return opened
}

export async function places() {
  const directory = await temporaryDirectory()
  const data = join(directory, "data")
  const vault = (name: string, more: object = {}) => ({
    driver: "fs",
    root: join(directory, name),
    token: CANARY,
    ...more,
  })
  return { directory, data, vault, keyFile: join(data, "master.key") }
}

/** A data directory with a backend `plain`, and `secret` that was added at run time and holds `k`. */
export async function withSecret(options: CreateStoreOptions = {}) {
  const place = await places()
  const plain = { driver: "fs", root: join(place.directory, "plain") }
  const { store } = await open({ data: place.data, backends: { plain } }, options)
  await store.addBackend("secret", place.vault("secret", { login: { user: "me", password: PASSWORD } }))
  await store.put(bytes, { key: "k", backends: ["secret"], durability: "all" })
  await store.close()
  return place
}

export const catalogBytes = (data: string) => readFile(join(data, "catalog", "data.mdb"))
