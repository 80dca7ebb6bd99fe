/** How copies are read again by themselves: the setting `validate` of every driver, and of staging (D19, R24). */
import * as z from "zod"
import { parseByteSize } from "./byte-size.ts"
import { type BackendMode, type Hours, parseDuration, parseHours, parseRate } from "./scan-settings.ts"

const DAY = 86_400_000
/** How long it takes at most until each copy of a local backend has been read again. */
const USUAL = 30 * DAY

/** `1%`, `0.01` or 0.01 as a share from just above 0 to 1; null where it is none. */
export function parseSample(value: string | number): number | null {
  const [, digits, percent] = /^\s*(\d+(?:\.\d+)?)\s*(%?)\s*$/.exec(String(value)) ?? []
  const share = digits === undefined ? Number.NaN : Number(digits) / (percent ? 100 : 1)
  return share > 0 && share <= 1 ? share : null
}

/** `20MB` or `20MB/s` in bytes a second; null where it is no such text. */
export function parseReadRate(text: string): number | null {
  return parseRate(text) ?? (parseByteSize(text) || null)
}

export const validateSchema = z.strictObject({
  /** within which time each copy is read again, such as `30d`; `off`: only when asked to */
  every: z
    .string()
    .refine((text) => text === "off" || parseDuration(text) !== null, 'expected a time such as "30d", or "off"')
    .optional(),
  /** most that is read, such as `20MB`, in bytes a second; absent: twice what the time asks for */
  rate: z
    .string()
    .refine((text) => parseReadRate(text) !== null, 'expected bytes a second such as "20MB"')
    .optional(),
  /** when it is read, in local time, such as `01:00-05:00`; absent: always */
  between: z
    .string()
    .refine((text) => parseHours(text) !== null, 'expected times of day such as "01:00-05:00"')
    .optional(),
  /** the share of all copies that is read each time, such as `1%`; absent: all of them */
  sample: z
    .union([z.string(), z.number()])
    .refine((value) => parseSample(value) !== null, 'expected a share such as "1%"')
    .optional(),
})

export type ValidateSettings = z.output<typeof validateSchema>

/** What the validation of a place goes by when nobody has asked for it, with the defaults. */
export interface ValidateRules {
  mode: BackendMode
  /** ms in which it is to be done; null: never by itself */
  every: number | null
  /** bytes a second; null: as `every` asks for */
  rate: number | null
  /** when something is read; null: always */
  between: Hours | null
  sample: number
}

/** What is elsewhere costs money to read, and is only read when somebody has said so. @param settings those of the backend */
export function validateRules(
  settings: { mode?: BackendMode; validate?: ValidateSettings },
  { local }: { local: boolean },
): ValidateRules {
  const { every, rate, between, sample } = settings.validate ?? {}
  const usual = local || settings.validate !== undefined ? USUAL : null
  return {
    mode: settings.mode ?? "observe",
    every: every === undefined ? usual : every === "off" ? null : parseDuration(every),
    rate: rate === undefined ? null : parseReadRate(rate),
    between: between === undefined ? null : parseHours(between),
    sample: sample === undefined ? 1 : (parseSample(sample) ?? 1),
  }
}
