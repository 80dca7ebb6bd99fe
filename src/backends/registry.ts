/**
 * The visible list of drivers. A new one of ours is a file beside this, a line in `OURS`, and a test that joins the contract suite; one of a user is
 * registered by whoever starts the process. Importing this changes nothing: a backend does its first work in `open`.
 */
import * as z from "zod"
import { type ConfigIssue, invalidConfig, toIssue } from "../core/config.ts"
import { StoredError } from "../core/error.ts"
import { type JsonObject, parseMetadata } from "../core/json.ts"
import { isSecretReference, mapReferencePath } from "../core/secret-reference.ts"
import type { BackendServices, StorageBackend } from "./backend.ts"
import type { Driver } from "./driver.ts"
import { type DriverSetting, settingsOf } from "./driver-settings.ts"
import { fsDriver } from "./fs.ts"
import { memoryDriver } from "./memory.ts"
import { rcloneDriver } from "./rclone.ts"
import { s3Driver } from "./s3.ts"
import { putSetting, settingAt } from "./setting-path.ts"

const OURS: readonly Driver[] = [fsDriver, memoryDriver, s3Driver, rcloneDriver]
/** those of users, in this process */
const theirs: Driver[] = []

/** The names a user may write in `driver`. */
export function driverNames(): readonly string[] {
  return drivers().map((each) => each.driver)
}

/**
 * Makes a driver known to this process (`defineDriver` makes one). Call it before a store is opened that has such a backend, and in every process that opens it:
 * library, server, workers and commands; for the last three `STORED_DRIVERS` does it. The same driver may be registered again.
 * @throws StoredError INVALID_CONFIG where it is no driver, or another one has its name
 */
export function registerDriver(driver: Driver): void {
  if (!isDriver(driver)) throw new StoredError("INVALID_CONFIG", "This is no driver; make one with defineDriver.")
  const known = drivers().find((each) => each.driver === driver.driver)
  if (known === driver) return
  if (known)
    throw new StoredError("INVALID_CONFIG", `There is a driver "${driver.driver}" already; give yours another name.`)
  theirs.push(driver)
}

/** What is shown of a secret. */
export const REDACTED = "***"

/**
 * Every mistake in a backend's settings, each with its path (`backends.<name>.<setting>`); none where they are good.
 * @param name the backend's name, for the paths
 */
export function parseBackendConfig(name: string, config: unknown): ConfigIssue[] {
  const driver = findDriver(config)
  if (!driver) return [unknownDriver(name, config)]
  const result = driver.schema.safeParse(config)
  if (result.success) return []
  return result.error.issues.map((issue) => toIssue({ ...issue, path: ["backends", name, ...issue.path] }))
}

/** Makes a backend, not yet open. @throws StoredError INVALID_CONFIG with every mistake in `details.issues` */
export function createBackend(name: string, config: unknown, services: BackendServices): StorageBackend {
  const issues = parseBackendConfig(name, config)
  const driver = findDriver(config)
  if (!driver || issues.length > 0) throw invalidConfig(issues)
  return driver.create(config, services)
}

/** Settings that may be shown: secrets are replaced, references to secrets (`env:NAME`, `file:PATH`) stay. */
export function redactBackendConfig(config: unknown): JsonObject {
  const shown = parseMetadata(config)
  for (const field of secretFieldsOf(config)) if (isSecret(settingAt(shown, field))) putSetting(shown, field, REDACTED)
  return shown
}

/** Names of the settings that are never shown. */
export function secretFieldsOf(config: unknown): readonly string[] {
  return findDriver(config)?.secretFields ?? []
}

/** Whether the value of such a setting is there and tells the secret itself, not where it is. */
export function isSecret(value: unknown): boolean {
  return value !== undefined && !isSecretReference(value)
}

/** What the driver of that name can be told; null where there is none. */
export function driverSettings(name: string): DriverSetting[] | null {
  const driver = findDriver({ driver: name })
  return driver ? settingsOf(driver) : null
}

/** Whether only the process that opens it sees what it holds. */
export function isInProcess(config: unknown): boolean {
  return findDriver(config)?.inProcess ?? false
}

/** A copy of the settings in which every path, those of references (`file:PATH`) too, is what `change` makes of it. */
export function mapBackendPaths(config: unknown, change: (path: string) => string): JsonObject {
  const fields = findDriver(config)?.pathFields ?? []
  const changed = parseMetadata(config)
  for (const field of fields) {
    const path = changed[field]
    if (typeof path === "string") changed[field] = change(path)
  }
  for (const field of secretFieldsOf(config)) {
    const value = settingAt(changed, field)
    if (isSecretReference(value)) putSetting(changed, field, mapReferencePath(value, change))
  }
  return changed
}

function driverName(config: unknown): unknown {
  return z.looseObject({ driver: z.unknown() }).safeParse(config).data?.driver
}

function findDriver(config: unknown): Driver | undefined {
  const wanted = driverName(config)
  return drivers().find((each) => each.driver === wanted)
}

function drivers(): readonly Driver[] {
  return [...OURS, ...theirs]
}

function isDriver(value: unknown): value is Driver {
  const { driver, schema, create } = z
    .looseObject({ driver: z.unknown(), schema: z.unknown(), create: z.unknown() })
    .catch({ driver: null, schema: null, create: null })
    .parse(value)
  const isSchema = typeof schema === "object" && schema !== null && "safeParse" in schema
  return typeof driver === "string" && isSchema && typeof create === "function"
}

function unknownDriver(name: string, config: unknown): ConfigIssue {
  const wanted = driverName(config)
  const known = driverNames().join(", ")
  const message =
    wanted === undefined
      ? `a backend names its driver; known drivers: ${known}`
      : `there is no driver ${JSON.stringify(wanted)}; known drivers: ${known}`
  return { path: `backends.${name}.driver`, message }
}
