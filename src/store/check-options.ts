/**
 * The options of every verb, checked at the front door for callers whom no compiler checks: an option that is not what it should be is
 * INVALID_INPUT before anything is done, never a foreign error from the inside, and never silently something else.
 */
import { MAX_WAIT } from "../core/config.ts"
import { StoredError } from "../core/error.ts"

type Kind = readonly [isOne: (value: unknown) => boolean, what: string]

const TEXT: Kind = [(value) => typeof value === "string", "a text"]
const FLAG: Kind = [(value) => typeof value === "boolean", "true or false"]
const NAMES: Kind = [isNames, "a list of backend names"]
const FALLBACK: Kind = [
  (value) => typeof value === "boolean" || isNames(value),
  "true, false or a list of backend names",
]
const KEYS: Kind = [isNames, "a list of keys"]
const TEXT_OR_FLAG: Kind = [(value) => typeof value === "string" || typeof value === "boolean", "a text, true or false"]
const SHARE: Kind = [
  (value) => typeof value === "number" && value > 0 && value <= 1,
  "a share above 0, at most 1, such as 0.01",
]
const COUNT: Kind = [(value) => isWhole(value) && value > 0, "a whole number from 1"]
const SEQUENCE: Kind = [isWhole, "a journal sequence, 0 for all of them"]
const WAIT: Kind = [(value) => isWhole(value) && value <= MAX_WAIT, `a whole number of ms from 0 to ${MAX_WAIT}`]
const SIGNAL: Kind = [isSignal, "an AbortSignal"]
const FUNCTION: Kind = [(value) => typeof value === "function", "a function"]
const OBJECT: Kind = [(value) => typeof value === "object" && value !== null && !Array.isArray(value), "an object"]

const ACTOR = { principal: TEXT, requestId: TEXT }

const ONCE = { idempotencyKey: TEXT, onRepeat: FUNCTION }

/** What `put` says of its key, metadata, size, type, checksums, durability and version is checked where these are read. */
const OPTIONS = {
  put: {
    backends: NAMES,
    ifAbsent: FLAG,
    onProgress: FUNCTION,
    waitMs: WAIT,
    checksums: OBJECT,
    signal: SIGNAL,
    token: TEXT,
    beforeCommit: FUNCTION,
    ...ONCE,
    ...ACTOR,
  },
  get: {
    stream: FLAG,
    backend: TEXT,
    backends: NAMES,
    fallback: FALLBACK,
    range: OBJECT,
    verify: FLAG,
    signal: SIGNAL,
  },
  delete: { backends: NAMES, force: FLAG, wait: WAIT, signal: SIGNAL, ...ONCE, ...ACTOR },
  deleteMany: { signal: SIGNAL, beforeEach: FUNCTION, ...ONCE, ...ACTOR },
  copyMany: { token: TEXT, signal: SIGNAL, beforeEach: FUNCTION, idempotencyKey: TEXT, ...ACTOR },
  copy: { backends: NAMES, ifAbsent: FLAG, token: TEXT, signal: SIGNAL, ...ONCE, ...ACTOR },
  list: { backend: TEXT, prefix: TEXT, limit: COUNT, after: TEXT, signal: SIGNAL },
  synced: { backends: NAMES, copies: COUNT, signal: SIGNAL },
  removeBackend: { force: FLAG, signal: SIGNAL, ...ACTOR },
  pauseBackend: ACTOR,
  testBackend: { accept: FLAG, ...ACTOR },
  setBackend: ACTOR,
  archive: { keys: KEYS, prefix: TEXT, name: TEXT, fallback: FALLBACK, signal: SIGNAL },
  signedUrl: { expires: COUNT, contentHash: TEXT, ifAbsent: FLAG, download: TEXT_OR_FLAG, base: TEXT, token: TEXT },
  revokeSignedUrls: ACTOR,
  evict: ACTOR,
  clear: { force: FLAG, ...ACTOR },
  token: { idempotencyKey: TEXT, ...ACTOR },
  events: { after: SEQUENCE, signal: SIGNAL },
  journal: { after: SEQUENCE, limit: COUNT },
  failed: { backend: TEXT, after: SEQUENCE, limit: COUNT },
  retry: { backend: TEXT, key: TEXT, ...ACTOR },
  look: ACTOR,
  scan: { hash: FLAG, force: FLAG, ...ACTOR },
  validate: { sample: SHARE, seed: TEXT, prefix: TEXT, pattern: TEXT, rate: COUNT, ...ACTOR },
  drift: { limit: COUNT, signal: SIGNAL },
  heal: { key: TEXT, ...ACTOR },
  why: { depth: COUNT, all: FLAG, signal: SIGNAL },
  idle: { signal: SIGNAL },
  close: { deadline: WAIT },
} as const satisfies Record<string, Readonly<Record<string, Kind>>>

/** The options as they are. @throws StoredError INVALID_INPUT, `details.option` names the first that is wrong */
export function checkOptions<Options extends object | undefined>(
  verb: keyof typeof OPTIONS,
  options: Options,
): Options {
  if (options === undefined) return options
  if (!OBJECT[0](options)) {
    throw new StoredError(
      "INVALID_INPUT",
      `The options of ${verb} are ${shown(options)}; give an object, or leave them out.`,
    )
  }
  const kinds: Readonly<Record<string, Kind>> = OPTIONS[verb]
  for (const name in kinds) {
    const value = (options as Record<string, unknown>)[name]
    const [isOne, what] = kinds[name]!
    if (value === undefined || isOne(value)) continue
    throw new StoredError("INVALID_INPUT", `${name} is ${shown(value)}; give ${what}.`, { details: { option: name } })
  }
  return options
}

/** A value in the sentence of an error: short, whatever it is. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80))
  if (typeof value === "function") return "a function"
  return typeof value === "object" && value !== null ? (Array.isArray(value) ? "a list" : "an object") : String(value)
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string")
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Signals of another realm, such as a test runner's, are no instances of this one's class. */
function isSignal(value: unknown): boolean {
  return typeof value === "object" && value !== null && "aborted" in value && "addEventListener" in value
}
