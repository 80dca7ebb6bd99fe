/**
 * One part of a pattern of gitignore, between two slashes: `*` is any text, `?` one character, `[a-z]` one of a class, `\` takes what follows as it is. Matched without a regular expression, going back to the last star
 * only, so that the work is at most length of the pattern × length of the text.
 */

/** `ranges` are of code points, both ends included. */
type Token =
  | { kind: "text"; char: string }
  | { kind: "one" }
  | { kind: "star" }
  | { kind: "class"; isNegated: boolean; ranges: readonly Range[] }
type Range = readonly [first: number, last: number]

export type Glob = readonly Token[]

/** The classes of git, which knows ASCII only. */
const CLASSES: Readonly<Record<string, readonly string[]>> = {
  alnum: ["09", "AZ", "az"],
  alpha: ["AZ", "az"],
  blank: ["  ", "\t\t"],
  cntrl: ["\u0000\u001f", "\u007f\u007f"],
  digit: ["09"],
  graph: ["!~"],
  lower: ["az"],
  print: [" ~"],
  punct: ["!/", ":@", "[`", "{~"],
  space: ["  ", "\t\t", "\n\n", "\r\r"],
  upper: ["AZ"],
  xdigit: ["09", "AF", "af"],
}

/** The parts of a pattern between its slashes; null where git gives the pattern up, so that it matches nothing. */
export function parseGlobs(pattern: string): Glob[] | null {
  const chars = [...pattern]
  const parts: Token[][] = [[]]
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at]!
    const part = parts.at(-1)!
    if (char === "/") parts.push([])
    else if (char === "*") part.push({ kind: "star" })
    else if (char === "?") part.push({ kind: "one" })
    else if (char === "\\") {
      at += 1
      if (chars[at] === undefined) return null
      if (chars[at] === "/") parts.push([])
      else part.push({ kind: "text", char: chars[at]! })
    } else if (char === "[") {
      const found = parseClass(chars, at + 1)
      if (found === null) return null
      part.push(found.token)
      at = found.end
    } else part.push({ kind: "text", char })
  }
  return parts
}

/** Whether a part is `**`, or more stars: any number of folders. */
export function isGlobstar(glob: Glob): boolean {
  return glob.length > 1 && glob.every(({ kind }) => kind === "star")
}

/** @param begin where its first member stands. `end` is where its bracket closes. */
function parseClass(chars: readonly string[], begin: number): { token: Token; end: number } | null {
  const isNegated = chars[begin] === "!" || chars[begin] === "^"
  const ranges: Range[] = []
  let at = isNegated ? begin + 1 : begin
  // The first member is one also where it would close the class.
  for (let isFirst = true; isFirst || chars[at] !== "]"; isFirst = false) {
    if (chars[at] === undefined) return null
    const named = namedClass(chars, at)
    if (named) {
      if (named.ranges === null) return null
      ranges.push(...named.ranges)
      at = named.end + 1
      continue
    }
    const first = memberAt(chars, at)
    if (first === null) return null
    const last = chars[first.end + 1] === "-" && chars[first.end + 2] !== "]" ? memberAt(chars, first.end + 2) : first
    if (last === null) return null
    // Out of order it is its first member alone.
    ranges.push([first.code, Math.max(first.code, last.code)])
    at = last.end + 1
  }
  return { token: { kind: "class", isNegated, ranges }, end: at }
}

function memberAt(chars: readonly string[], at: number): { code: number; end: number } | null {
  const end = chars[at] === "\\" ? at + 1 : at
  const code = chars[end]?.codePointAt(0)
  return code === undefined ? null : { code, end }
}

/** `[:alpha:]`; null where none begins here. `ranges` is null where nobody knows its name. */
function namedClass(chars: readonly string[], at: number): { ranges: Range[] | null; end: number } | null {
  if (chars[at] !== "[" || chars[at + 1] !== ":") return null
  const end = chars.indexOf("]", at + 2)
  if (end < 0 || end === at + 2 || chars[end - 1] !== ":") return null
  const name = chars.slice(at + 2, end - 1).join("")
  const known = Object.hasOwn(CLASSES, name) ? CLASSES[name]! : null
  if (known === null) return { ranges: null, end }
  return { ranges: known.map((pair) => [pair.charCodeAt(0), pair.charCodeAt(1)]), end }
}

/** Whether a glob matches a whole name, and how many characters were looked at. @param name its characters */
export function matchGlob(glob: Glob, name: readonly string[]): { matched: boolean; steps: number } {
  let steps = 0
  let token = 0
  let at = 0
  /** behind the last star, and the character that it has taken up to */
  let afterStar = -1
  let taken = 0
  while (at < name.length) {
    steps += 1
    if (glob[token]?.kind === "star") {
      token += 1
      afterStar = token
      taken = at
    } else if (token < glob.length && isOne(glob[token]!, name[at]!)) {
      token += 1
      at += 1
    } else if (afterStar >= 0) {
      token = afterStar
      taken += 1
      at = taken
    } else return { matched: false, steps }
  }
  while (glob[token]?.kind === "star") token += 1
  return { matched: token === glob.length, steps }
}

function isOne(token: Token, char: string): boolean {
  if (token.kind === "text") return token.char === char
  if (token.kind === "one") return true
  if (token.kind === "star") return false
  const code = char.codePointAt(0)!
  return token.ranges.some(([first, last]) => first <= code && code <= last) !== token.isNegated
}
