/**
 * The configuration of a service: a file in one of the formats of `config-format.ts`, or without one what the data directory knows. What it says is checked by whoever
 * opens the store.
 */
import { readFile } from "node:fs/promises"
import { invalidConfig, type StoreConfigInput } from "../core/config.ts"
import { formatOf } from "./config-format.ts"
import type { Environment } from "./environment.ts"

const DEFAULT_DATA = ".stored"

/** Reads the configuration; relative paths in it are relative to the working directory. @throws StoredError INVALID_CONFIG */
export async function loadConfig(environment: Pick<Environment, "config" | "data">): Promise<StoreConfigInput> {
  if (environment.config === null) return { data: environment.data ?? DEFAULT_DATA }
  const config = await readConfig(environment.config)
  if (environment.data === null || !isObject(config)) return config as StoreConfigInput
  return { ...config, data: environment.data } as StoreConfigInput
}

async function readConfig(path: string): Promise<unknown> {
  const format = formatOf(path)
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw invalidConfig([{ path: "", message: `the file ${path} cannot be read (${error.code ?? error.message})` }])
  })
  try {
    return format.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error)
    throw invalidConfig([{ path: "", message: `${path} is not ${format.name}: ${reason}` }])
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
