/**
 * Patterns of gitignore over keys: the last one that matches decides, and what lies in a folder that is passed over is passed over. No regular expression is made of them. A key is walked once, folder by folder, with the places in each
 * pattern where it may be; so the work is at most length of the patterns × length of the key, whatever both are. What was found of folders is kept for the next key, which mostly lies in the same one.
 */
import { type Glob, isGlobstar, matchGlob, parseGlobs } from "./ignore-glob.ts"

/** Any number of folders, none too. */
const GLOBSTAR = null
const ANY_NAME: Glob = [{ kind: "star" }]

interface Rule {
  /** takes back in what others pass over */
  isNegative: boolean
  onlyFolders: boolean
  /** from the root; of a rule that is about names anywhere, the name alone */
  parts: readonly (Glob | typeof GLOBSTAR)[]
  isAnywhere: boolean
}

/** The places in a rule's parts that may come next. */
type Places = readonly number[]

interface Folder {
  name: string
  isIgnored: boolean
  /** of each rule */
  places: readonly Places[]
}

export class IgnoreRules {
  readonly #rules: readonly Rule[]
  readonly #start: readonly Places[]
  /** the folders of the key before, from the root, up to the first that is passed over */
  #folders: Folder[] = []
  /** characters that were looked at so far */
  steps = 0

  /** @param patterns as lines of a .gitignore; what git would pass over as a line is no rule */
  constructor(patterns: readonly string[]) {
    this.#rules = patterns.map(parseRule).filter((rule) => rule !== null)
    this.#start = this.#rules.map(({ parts }) => reach(parts, [0]))
  }

  ignores(key: string): boolean {
    const names = key.split("/").filter((name) => name !== "")
    if (names.length === 0) return false
    const folders = key.endsWith("/") ? names : names.slice(0, -1)
    for (const [depth, name] of folders.entries()) if (this.#enter(depth, name).isIgnored) return true
    return !key.endsWith("/") && this.#look(names.at(-1)!, folders.length, false).isIgnored
  }

  #enter(depth: number, name: string): Folder {
    const known = this.#folders[depth]
    if (known?.name === name) return known
    const folder = this.#look(name, depth, true)
    this.#folders.length = depth
    this.#folders.push(folder)
    return folder
  }

  /** One step deeper, from the folder at `depth - 1`. */
  #look(name: string, depth: number, isFolder: boolean): Folder {
    const before = this.#folders[depth - 1]?.places ?? this.#start
    const chars = [...name]
    const places: Places[] = []
    let isIgnored = false
    for (const [index, rule] of this.#rules.entries()) {
      const next = rule.isAnywhere ? [] : this.#advance(rule.parts, before[index]!, chars)
      places.push(next)
      if (rule.onlyFolders && !isFolder) continue
      const isMatch = rule.isAnywhere ? this.#matches(rule.parts[0]!, chars) : next.includes(rule.parts.length)
      if (isMatch) isIgnored = !rule.isNegative
    }
    return { name, isIgnored, places }
  }

  #advance(parts: Rule["parts"], places: Places, name: readonly string[]): Places {
    const next: number[] = []
    for (const place of places) {
      const part = parts[place]
      if (part === undefined) continue
      if (part === GLOBSTAR) next.push(place)
      else if (this.#matches(part, name)) next.push(place + 1)
    }
    return reach(parts, next)
  }

  #matches(glob: Glob, name: readonly string[]): boolean {
    const { matched, steps } = matchGlob(glob, name)
    this.steps += steps
    return matched
  }
}

/** These places, and those behind globstars that stand for no folder. Each once, in order. */
function reach(parts: Rule["parts"], places: Places): Places {
  const reached = new Set<number>()
  for (const place of places) {
    for (let at = place; !reached.has(at); at += 1) {
      reached.add(at)
      if (parts[at] !== GLOBSTAR) break
    }
  }
  return [...reached]
}

/** Null where a line is no rule: empty, a comment, or one that git gives up. */
function parseRule(line: string): Rule | null {
  if (line.startsWith("#")) return null
  const isNegative = line.startsWith("!")
  const text = trimmed(isNegative ? line.slice(1) : line)
  const onlyFolders = text.endsWith("/")
  const body = onlyFolders ? text.slice(0, -1) : text
  const globs = body === "" ? null : parseGlobs(body)
  if (globs === null) return null
  const isAnywhere = !body.includes("/")
  if (isAnywhere) return { isNegative, onlyFolders, isAnywhere, parts: globs }
  if (globs[0]!.length === 0) globs.shift()
  const parts = globs.map((glob) => (isGlobstar(glob) ? GLOBSTAR : glob))
  // At the end it stands for what lies in a folder, and not for the folder.
  if (parts.at(-1) === GLOBSTAR) parts.splice(-1, 0, ANY_NAME)
  return { isNegative, onlyFolders, isAnywhere, parts }
}

/** Without blanks at its end, but for one that a backslash keeps. */
function trimmed(line: string): string {
  const end = line.replace(/[\r\n]+$/, "")
  let length = end.length
  while (end[length - 1] === " ") length -= 1
  let backslashes = 0
  while (end[length - 1 - backslashes] === "\\") backslashes += 1
  return backslashes % 2 === 1 && length < end.length ? end.slice(0, length + 1) : end.slice(0, length)
}
