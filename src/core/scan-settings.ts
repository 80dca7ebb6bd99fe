/** How a backend with content of its own is indexed: the settings `mode` and `scan` of every driver. */
import * as z from "zod"
import { parseByteSize } from "./byte-size.ts"
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

/** `50MB/s` in bytes a second; null where it is no such text. */
export function parseRate(text: string): number | null {
  const bytes = text.endsWith("/s") ? parseByteSize(text.slice(0, -2)) : null
  return bytes === null || bytes < 1 ? null : bytes
}

/** Times of day as minutes since midnight; over midnight where the end comes before the beginning. */
export interface Hours {
  from: number
  to: number
}

/** `22:00-06:00`; null where it is no such text. */
export function parseHours(text: string): Hours | null {
  const match = /^([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-4]):([0-5]\d)$/.exec(text.trim())
  if (!match) return null
  const [from, to] = [Number(match[1]) * 60 + Number(match[2]), Number(match[3]) * 60 + Number(match[4])]
  return from === to || to > 24 * 60 ? null : { from, to }
}

const every = z
  .string()
  .refine(
    (text) => text === "off" || parseDuration(text) !== null,
    'expected a time such as "24h" or "30min", or "off"',
  )

const MOST_SETTLE = 3_600_000
const settle = z.string().refine((text) => {
  const ms = parseDuration(text)
  return ms !== null && ms <= MOST_SETTLE
}, 'expected a time of at most an hour, such as "400ms" or "5s"')

/** Characters: every key is compared with all of them. */
const MOST_PATTERNS = 65_536

export const scanSchema = z.strictObject({
  /** begins the keys of the objects that are found; absent: the backend's name and a slash. Empty: they are called as they are there */
  prefix: z
    .string()
    .max(200)
    .refine((prefix) => prefix === "" || keyFault(`${prefix}a`) === null, "it begins no valid key")
    .optional(),
  /** whether content is read, so that its id is known; absent: on `local` backends only */
  hash: z.boolean().optional(),
  /** how often the whole backend is compared with the catalog, such as `24h`, which is usual; `off`: only when asked to */
  every: every.optional(),
  /** what is passed over, in the syntax of gitignore */
  ignore: z
    .array(z.string().min(1).max(1024))
    .max(1000)
    .refine(
      (patterns) => patterns.join("").length <= MOST_PATTERNS,
      `expected patterns of at most ${MOST_PATTERNS} characters together`,
    )
    .optional(),
  /** for how long a file is left alone after it was written to, such as `5s`: half-written ones are not read. Absent: `400ms` */
  settle: settle.optional(),
  /** what becomes of symbolic links; `follow`: where they lead to something inside the root, that is taken in under their keys as well. Absent: `skip` */
  symlinks: z.enum(["skip", "follow"]).optional(),
  /** most that is read for its checksum, such as `50MB/s` */
  rate: z
    .string()
    .refine((text) => parseRate(text) !== null, 'expected bytes a second such as "50MB/s"')
    .optional(),
  /** what notifications of the backend's server bear, so that they are believed to be its; a text, `env:NAME` or `file:PATH` */
  secret: z.string().min(1).max(1024).optional(),
  /** when content is read, in local time, such as `22:00-06:00`; absent: always. Listing is not bound to it */
  between: z
    .string()
    .refine((text) => parseHours(text) !== null, 'expected times of day such as "22:00-06:00"')
    .optional(),
})

export type ScanSettings = z.output<typeof scanSchema>

/** What a scan of a backend goes by, with the defaults. */
export interface ScanRules {
  mode: BackendMode
  prefix: string
  hash: boolean
  /** whether a scan that begins by itself takes in what the catalog does not know; otherwise it only compares what the catalog knows, and is called an audit */
  adopts: boolean
  /** ms between two scans; null: never by itself */
  every: number | null
  ignore: readonly string[]
  /** ms for which a file is left alone after it was written to */
  settle: number
  /** bytes a second that are read; null: as many as there are */
  rate: number | null
  /** when content is read; null: always */
  between: Hours | null
}

const DAY = 86_400_000
/** Longer than what a program lets pass between two of its writes, and too short to be waited for. */
const SETTLE = 400

/** @param settings those of the backend */
export function scanRules(
  backend: string,
  settings: { mode?: BackendMode; scan?: ScanSettings; watch?: boolean },
  { local }: { local: boolean },
): ScanRules {
  const { prefix = `${backend}/`, hash = local, every, ignore = [], rate, between } = settings.scan ?? {}
  const settle = settings.scan?.settle
  return {
    mode: settings.mode ?? "observe",
    prefix,
    hash,
    adopts: settings.scan !== undefined || settings.mode !== undefined || settings.watch === true,
    every: every === undefined ? DAY : every === "off" ? null : parseDuration(every),
    ignore,
    settle: settle === undefined ? SETTLE : parseDuration(settle)!,
    rate: rate === undefined ? null : parseRate(rate),
    between: between === undefined ? null : parseHours(between),
  }
}

/** Settings of scans that are never shown. */
export const SCAN_SECRET_FIELDS = ["scan.secret"] as const
