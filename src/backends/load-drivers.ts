/** Drivers of users for processes that are not theirs: server, workers and commands load the modules that `STORED_DRIVERS` names, and register what these export. */
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import * as z from "zod"
import { invalidConfig } from "../core/config.ts"
import { isStoredError } from "../core/error.ts"
import type { Driver } from "./driver.ts"
import { registerDriver } from "./registry.ts"

/** Paths of modules, with commas between them. */
export const driverPathsSchema = z
  .string()
  .default("")
  .transform((text) =>
    text
      .split(",")
      .map((path) => path.trim())
      .filter((path) => path !== ""),
  )

/**
 * Registers the default export of each module.
 * @param paths relative ones are of the working directory
 * @throws StoredError INVALID_CONFIG
 */
export async function loadDrivers(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    try {
      const { default: driver } = (await import(pathToFileURL(resolve(path)).href)) as { default?: Driver }
      registerDriver(driver as Driver)
    } catch (error) {
      const reason = isStoredError(error) || error instanceof Error ? error.message : String(error)
      throw invalidConfig([{ path: "STORED_DRIVERS", message: `${path} gives no driver: ${reason}` }])
    }
  }
}
