/**
 * The formats of a configuration file, as a visible list, chosen by the end of its name (R28). Each gives plain values; one schema checks them
 * all. A name without an end is read as YAML, which JSON is too.
 */
import { extname } from "node:path"
import { parse as parseToml } from "smol-toml"
import { parseDocument } from "yaml"
import { invalidConfig } from "../core/config.ts"

export interface ConfigFormat {
  name: string
  extensions: readonly string[]
  /** @throws Error whose first line says what is wrong with the text */
  parse(text: string): unknown
}

const YAML: ConfigFormat = { name: "YAML", extensions: [".yaml", ".yml"], parse: parseYaml }

const FORMATS: readonly ConfigFormat[] = [
  { name: "JSON", extensions: [".json"], parse: parseJson },
  YAML,
  { name: "TOML", extensions: [".toml"], parse: parseToml },
]

/** @throws StoredError INVALID_CONFIG where the name ends like none of them */
export function formatOf(path: string): ConfigFormat {
  const extension = extname(path).toLowerCase()
  if (extension === "") return YAML
  const format = FORMATS.find(({ extensions }) => extensions.includes(extension))
  if (format) return format
  const known = FORMATS.flatMap(({ extensions }) => extensions).join(", ")
  throw invalidConfig([
    { path: "", message: `${path} is in no format that is known; let its name end in one of ${known}` },
  ])
}

/** The parser's words repeat a piece of the text, which may be a secret. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(reason.replace(/,?\s*(\.\.\.)?".*"(\.\.\.)? is not valid JSON$/s, ""))
  }
}

function parseYaml(text: string): unknown {
  const document = parseDocument(text)
  if (document.errors[0]) throw document.errors[0]
  return document.toJS()
}
