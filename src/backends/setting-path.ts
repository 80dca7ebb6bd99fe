/** Settings by the name that a driver gives them: `token`, or `credentials.token` for one inside another. */
import type { JsonObject, JsonValue } from "../core/json.ts"

/** Undefined where there is none. */
export function settingAt(settings: JsonObject, name: string): JsonValue | undefined {
  let value: JsonValue | undefined = settings
  for (const part of name.split(".")) value = isObject(value) ? value[part] : undefined
  return value
}

/** Writes into the settings; what it lies in is there. */
export function putSetting(settings: JsonObject, name: string, value: JsonValue): void {
  const parts = name.split(".")
  const last = parts.pop() ?? name
  const place = parts.length === 0 ? settings : settingAt(settings, parts.join("."))
  if (isObject(place)) place[last] = value
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
