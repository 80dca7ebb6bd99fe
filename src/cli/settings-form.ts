/** Settings of a backend from `--set name=value`, and from a person who is asked for the rest. What there is to ask, the driver's own schema says. */
import type { DriverSetting } from "../backends/driver-settings.ts"
import { driverNames, driverSettings } from "../backends/registry.ts"
import { putSetting, settingAt } from "../backends/setting-path.ts"
import { StoredError } from "../core/error.ts"
import type { JsonObject, JsonValue } from "../core/json.ts"
import type { Questioner } from "./ask.ts"
import { safe } from "./format.ts"

/** What nobody is asked for, with what lies in it: it is the same for every driver and good as it is. */
const TUNING: ReadonlySet<string> = new Set([
  "keyTemplate",
  "watch",
  "concurrency",
  "rateLimit",
  "mode",
  "scan",
  "validate",
])

/** Asks for the driver where none is named. @throws StoredError INVALID_INPUT */
export async function chooseDriver(given: unknown, questioner: Questioner | null): Promise<string> {
  if (typeof given === "string") return given
  if (!questioner)
    throw invalid(`name the driver with --driver (${driverNames().join(", ")}), or the settings with --from`)
  for (;;) {
    const answer = (await questioner.ask(`driver (${driverNames().join(", ")}): `)).trim()
    if (driverNames().includes(answer)) return answer
  }
}

/** Writes what was given as `name=value` into the settings. @throws StoredError INVALID_INPUT, without the value */
export function setEach(settings: JsonObject, driver: string, words: readonly string[]): void {
  for (const word of words) {
    const [, name = "", text = ""] = /^([^=]+)=(.*)$/s.exec(word) ?? []
    if (name === "") throw invalid("write each --set as name=value")
    put(settings, name, read(text, kindOf(name, settingsOf(driver)), name))
  }
}

/**
 * Asks for whatever text or secret is not given yet; an empty answer leaves out what may be left out.
 * @param briefly only for what has to be given, and secrets
 */
export async function askForRest(
  settings: JsonObject,
  driver: string,
  questioner: Questioner,
  briefly: boolean,
): Promise<void> {
  for (const setting of settingsOf(driver)) {
    const { name, kind, required, secret } = setting
    if (settingAt(settings, name) !== undefined) continue
    const isWorthAsking = !TUNING.has(name.split(".", 1)[0]!) && (secret || (kind === "text" && !briefly))
    if (!required && !isWorthAsking) continue
    const answer = await questioner.ask(question(setting), { secret })
    if (answer !== "") put(settings, name, read(answer, kind, name))
  }
}

function kindOf(name: string, known: readonly DriverSetting[]): DriverSetting["kind"] {
  const holdsOthers = known.some((setting) => setting.name.startsWith(`${name}.`))
  return known.find((setting) => setting.name === name)?.kind ?? (holdsOthers ? "json" : "text")
}

function question({ name, required, secret, choices, default: usual }: DriverSetting): string {
  const notes = [
    ...(choices ? [choices.join(", ")] : []),
    ...(secret ? ["not shown; env:NAME and file:PATH are references"] : []),
    ...(required ? [] : [usual === undefined ? "may be empty" : `${String(usual)} unless given`]),
  ]
  return `${safe(name)}${notes.length > 0 ? ` (${notes.join("; ")})` : ""}: `
}

function settingsOf(driver: string): DriverSetting[] {
  return driverSettings(driver) ?? []
}

/** @throws StoredError INVALID_INPUT */
function read(text: string, kind: DriverSetting["kind"], name: string): JsonValue {
  if (kind === "text" || kind === "mixed") return text
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    // The parser's words hold what was given, which may be a secret in the wrong place.
    throw invalid(`the setting ${JSON.stringify(name)} is to be a ${kind === "json" ? "JSON value" : kind}`)
  }
}

function put(settings: JsonObject, name: string, value: JsonValue): void {
  const parts = name.split(".")
  parts.slice(0, -1).forEach((_, index) => {
    const path = parts.slice(0, index + 1).join(".")
    if (settingAt(settings, path) === undefined) putSetting(settings, path, {})
  })
  putSetting(settings, name, value)
}

function invalid(sentence: string): StoredError {
  return new StoredError("INVALID_INPUT", `${sentence}.`)
}
