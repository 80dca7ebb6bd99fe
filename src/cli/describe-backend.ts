/** A backend for a person: one line in a list, or all that is known of it. Secrets are not among it: the store does not tell them. */
import type { JsonObject, JsonValue } from "../core/json.ts"
import type { BackendInfo } from "../store/store.ts"
import { safe } from "./format.ts"

export function describeBriefly(info: BackendInfo): string {
  const { name, driver, state, isDefault, paused, breaker, pending, failed } = info
  const marks = [driver, ...(isDefault ? ["default"] : []), state, ...(paused ? ["paused"] : [])]
  if (breaker !== "closed") marks.push(`breaker ${breaker}`)
  return `${safe(name)} (${marks.map(safe).join(", ")}): ${pending} waiting, ${failed} given up`
}

export function describeFully(info: BackendInfo): string {
  const { driver: _, ...settings } = info.config
  const lines = [
    describeBriefly(info),
    ...(info.error ? [`  ${"error".padEnd(NAME)}${safe(info.error.message)} [${info.error.code}]`] : []),
    ...linesOf("setting", settings),
    ...linesOf("can", { ...info.capabilities, checksums: [...info.capabilities.checksums] }),
    ...linesOf("found", withDate(info.abilities ?? {})),
    ...Object.entries(info.changed ?? {}).flatMap(([key, { was }]) => linesOf("was", { [key]: was })),
  ]
  return lines.join("\n")
}

/** When they were found out, as a person reads it. */
function withDate(abilities: JsonObject): JsonObject {
  const { probed } = abilities
  return typeof probed === "number" ? { ...abilities, probed: new Date(probed).toISOString() } : abilities
}

const NAME = 9

function linesOf(what: string, values: Readonly<Record<string, JsonValue>>, prefix = ""): string[] {
  return Object.entries(values).flatMap(([key, value]) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? linesOf(what, value, `${prefix}${key}.`)
      : [`  ${what.padEnd(NAME)}${safe(prefix + key)} ${shown(value)}`],
  )
}

function shown(value: JsonValue): string {
  if (Array.isArray(value)) return value.map(shown).join(", ") || "none"
  return safe(typeof value === "string" ? value : JSON.stringify(value))
}
