/** How a backend with content of its own is indexed: the settings `mode` and `scan` of every driver. */
import * as z from "zod"
import { keyFault } from "./key.ts"

/**
 * What becomes of a difference between a backend and the catalog (R20). `observe`: what was found there follows the backend, and what was written there by us is
 * reported. `enforce`: the catalog is right, and the copy is put right from another one.
 */
export const BACKEND_MODES = ["observe", "enforce"] as const
export type BackendMode = (typeof BACKEND_MODES)[number]
export const backendModeSchema = z.enum(BACKEND_MODES)

const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)$/
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 }
const LONGEST = 366 * 86_400_000

/** `24h`, `30 min`, `90s` in ms; null where it is no such text. */
export function parseDuration(text: string): number | null {
  const [, amount, unit] = DURATION.exec(text.trim()) ?? []
  const ms = amount === undefined ? Number.NaN : Number(amount) * UNITS[unit!]!
  return ms >= 1 && ms <= LONGEST ? Math.round(ms) : null
}

const every = z
  .string()
  .refine(
    (text) => text === "off" || parseDuration(text) !== null,
    'expected a time such as "24h" or "30min", or "off"',
  )

export const scanSchema = z.strictObject({
  /** begins the keys of the objects that are found; absent: the backend's name and a slash. Empty: they are called as they are there */
  prefix: z
    .string()
    .max(200)
    .refine((prefix) => prefix === "" || keyFault(`${prefix}a`) === null, "it begins no valid key")
    .optional(),
  /** whether content is read, so that its id is known; absent: on `local` backends only */
  hash: z.boolean().optional(),
  /** how often the whole backend is compared with the catalog, such as `24h`; `off`: only when asked to */
  every: every.optional(),
  /** what is passed over, in the syntax of gitignore */
  ignore: z.array(z.string().min(1).max(1024)).max(1000).optional(),
})

export type ScanSettings = z.output<typeof scanSchema>

/** What a scan of a backend goes by, with the defaults. */
export interface ScanRules {
  mode: BackendMode
  prefix: string
  hash: boolean
  /** ms between two scans; null: never by itself */
  every: number | null
  ignore: readonly string[]
}

const DAY = 86_400_000

/** @param settings those of the backend */
export function scanRules(
  backend: string,
  settings: { mode?: BackendMode; scan?: ScanSettings; watch?: boolean },
  { local }: { local: boolean },
): ScanRules {
  const { prefix = `${backend}/`, hash = local, every, ignore = [] } = settings.scan ?? {}
  const isWanted = settings.scan !== undefined || settings.mode !== undefined || settings.watch === true
  return {
    mode: settings.mode ?? "observe",
    prefix,
    hash,
    every: every === undefined ? (isWanted ? DAY : null) : every === "off" ? null : parseDuration(every),
    ignore,
  }
}
