/** Options whose values need reading: `--metadata '{"album":"2026"}'`, `--backends a,b`, `--durability copies:2`, `--limit 10`. */
import { StoredError } from "../core/error.ts"
import { type JsonObject, parseMetadata } from "../core/json.ts"
import type { Durability } from "../store/store.ts"

/** @throws StoredError INVALID_METADATA */
export function readMetadata(text: string): JsonObject {
  try {
    return parseMetadata(JSON.parse(text))
  } catch (cause) {
    if (cause instanceof StoredError) throw cause
    throw new StoredError(
      "INVALID_METADATA",
      `Invalid metadata: it is not JSON; write an object such as '{"album":"2026"}'.`,
      { cause },
    )
  }
}

export function readNames(text: string): string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
}

/** @throws StoredError INVALID_INPUT */
export function readDurability(text: string): Durability {
  if (isDurability(text)) return text
  throw new StoredError("INVALID_INPUT", `Invalid durability "${text}": use staged, os, copies:<n> or all.`)
}

function isDurability(text: string): text is Durability {
  return /^(os|staged|all|copies:[1-9]\d{0,3})$/.test(text)
}

/** @throws StoredError INVALID_INPUT */
export function readWait(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text)
  throw new StoredError("INVALID_INPUT", `"${text}" is not a number of ms.`)
}

/** @throws StoredError INVALID_INPUT */
export function readCount(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new StoredError("INVALID_INPUT", `"${text}" is not a number from 1.`)
}
