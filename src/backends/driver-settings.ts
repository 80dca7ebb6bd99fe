/** What a driver can be told, as data from its own schema: whoever asks a person for settings needs to know no driver. */
import * as z from "zod"
import type { JsonValue } from "../core/json.ts"
import type { Driver } from "./driver.ts"

export interface DriverSetting {
  /** `bucket`, or `credentials.sessionToken` for one inside another */
  name: string
  /** `mixed`: a text or a number, such as "16MiB" */
  kind: "text" | "number" | "switch" | "json" | "mixed"
  required: boolean
  /** never shown */
  secret: boolean
  /** the only texts that it takes */
  choices?: readonly string[]
  default?: JsonValue
}

/** As much of JSON Schema as settings are made of. */
const nodeSchema = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.string()).optional(),
  default: z.json().optional(),
  required: z.array(z.string()).default([]),
  properties: z.record(z.string(), z.unknown()).optional(),
})

/** Every setting but `driver`, in the order of the schema. */
export function settingsOf(driver: Driver): DriverSetting[] {
  const root = nodeSchema.parse(z.toJSONSchema(driver.schema, { io: "input", unrepresentable: "any" }))
  return walk(root, "", driver.secretFields).filter(({ name }) => name !== "driver")
}

function walk(node: z.output<typeof nodeSchema>, prefix: string, secrets: readonly string[]): DriverSetting[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, value]) => {
    const child = nodeSchema.parse(value)
    const name = prefix + key
    if (child.properties && !secrets.includes(name)) return walk(child, `${name}.`, secrets)
    const setting: DriverSetting = {
      name,
      kind: kindOf(child.type),
      // Inside a setting that may be left out, nothing has to be given.
      required: prefix === "" && node.required.includes(key),
      secret: secrets.includes(name),
      ...(child.enum && { choices: child.enum }),
      ...(child.default !== undefined && { default: child.default }),
    }
    return [setting]
  })
}

function kindOf(type: string | string[] | undefined): DriverSetting["kind"] {
  const types = [type].flat()
  if (types.includes("string")) return types.length === 1 ? "text" : "mixed"
  if (types.includes("boolean")) return "switch"
  return types.includes("number") || types.includes("integer") ? "number" : "json"
}
