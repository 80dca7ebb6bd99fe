/**
 * Patterns from users: `*` is any text without a slash, `**` any text, `?` one character that is no slash; everything else
 * stands for itself. Where `**` is a whole segment with a slash after it, both may be absent: `**` + `/b` also matches `b`.
 *
 * They never reach a regular expression engine. The matcher walks the text once and keeps the set of places in the pattern
 * where it may be, so its work is at most (length of the text + 1) × (length of the pattern + 1), whatever the pattern.
 */
import { StoredError } from "./error.ts"

export const MAX_PATTERN_LENGTH = 1024
export const MAX_PATTERN_STARS = 64

/** A place in the pattern. `optional`: the next two places (`**` and `/`) may be passed over. */
type Place = { kind: "text"; char: string } | { kind: "one" | "segment" | "any" | "optional" }

export interface Pattern {
  readonly places: readonly Place[]
}

/** Whether the whole text matches. @throws StoredError INVALID_INPUT where the pattern is too long or has too many stars */
export function matchPattern(pattern: string, text: string): boolean {
  return runPattern(compilePattern(pattern), text).matched
}

/** Checks a pattern and makes it ready for many texts. @throws StoredError INVALID_INPUT */
export function compilePattern(pattern: string): Pattern {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw invalid(`it has ${pattern.length} characters; at most ${MAX_PATTERN_LENGTH} are allowed`)
  }
  const stars = pattern.split("*").length - 1
  if (stars > MAX_PATTERN_STARS) throw invalid(`it has ${stars} stars; at most ${MAX_PATTERN_STARS} are allowed`)
  const places: Place[] = []
  for (const token of pattern.match(/\*+|[^*]/gu) ?? []) {
    if (token === "/" && places.at(-1)?.kind === "any" && isSegmentStart(places, places.length - 1)) {
      places.splice(-1, 0, { kind: "optional" })
    }
    places.push(placeOf(token))
  }
  return { places }
}

function placeOf(token: string): Place {
  if (token === "*") return { kind: "segment" }
  if (token.startsWith("**")) return { kind: "any" }
  return token === "?" ? { kind: "one" } : { kind: "text", char: token }
}

function isSegmentStart(places: readonly Place[], index: number): boolean {
  const before = places[index - 1]
  return before === undefined || (before.kind === "text" && before.char === "/")
}

/** Matches, and says how many places were looked at. */
export function runPattern({ places }: Pattern, text: string): { matched: boolean; steps: number } {
  let steps = 0
  /** at which character a place was entered last, so that it is entered once a character */
  const entered = new Int32Array(places.length + 1).fill(-1)
  let current: number[] = []
  let next: number[] = []
  let position = 0

  /** Adds a place, and those that can be reached from it without a character. */
  const enter = (start: number): void => {
    for (let index = start; entered[index] !== position; index += 1) {
      entered[index] = position
      steps += 1
      next.push(index)
      const kind = places[index]?.kind
      if (kind === "optional") enter(index + 3)
      else if (kind !== "any" && kind !== "segment") return
    }
  }

  enter(0)
  for (const char of text) {
    position += 1
    ;[current, next] = [next, current]
    next.length = 0
    if (current.length === 0) return { matched: false, steps }
    for (const index of current) {
      const place = places[index]
      if (!place) continue
      if (place.kind === "any") enter(index)
      else if (place.kind === "segment") char !== "/" && enter(index)
      else if (place.kind === "one") char !== "/" && enter(index + 1)
      else if (place.kind === "text") place.char === char && enter(index + 1)
    }
  }
  return { matched: entered[places.length] === position, steps }
}

function invalid(reason: string): StoredError {
  return new StoredError("INVALID_INPUT", `Invalid pattern: ${reason}.`)
}
