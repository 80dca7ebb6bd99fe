/**
 * Conditions of a request: `If-Match`, `If-None-Match`, `X-Stored-If-Version` on writes; the first two, `If-Modified-Since`, `If-Unmodified-Since` and `If-Range` on
 * reads, in the order of RFC 9110, 13.2.2.
 *
 * An entity tag is the blob's id in quotes, `"sha256:…"`; a write may also name a version, `If-Match: "3"`. A condition on an
 * id becomes a condition on the version that has it, which the store checks once more in its transaction.
 */
import type { IncomingHttpHeaders } from "node:http"
import { ConflictError, StoredError } from "../core/error.ts"
import type { Metadata } from "../core/metadata.ts"
import type { Store } from "../store/store.ts"

export interface WriteCondition {
  ifVersion?: number
  ifAbsent?: boolean
}

export function entityTag(metadata: Pick<Metadata, "id">): string {
  return `"${metadata.id}"`
}

const READ_CONDITIONS = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"]
const CONDITIONS = ["if-match", "if-none-match", "if-unmodified-since", "x-stored-if-version"]

/** Whether what a read is answered with depends on what is there: on its ETag, its time, or its size. */
export function dependsOnContent(headers: IncomingHttpHeaders): boolean {
  return headers.range !== undefined || READ_CONDITIONS.some((name) => headers[name] !== undefined)
}

/** Whether a request makes its success depend on what is there: then a conflict is 412, not 409. */
export function isConditional(headers: IncomingHttpHeaders): boolean {
  return CONDITIONS.some((name) => headers[name] !== undefined)
}

/**
 * The condition of a put or delete.
 * @param name key of the object, null where the store makes one
 * @throws StoredError CONFLICT where it does not hold already, INVALID_INPUT where it cannot be understood
 */
export async function writeCondition(
  headers: IncomingHttpHeaders,
  store: Pick<Store, "stat">,
  name: string | null,
): Promise<WriteCondition> {
  const match = headers["if-match"]
  const noneMatch = headers["if-none-match"]
  const version = headers["x-stored-if-version"]
  if (headers["if-unmodified-since"] !== undefined)
    throw invalid("A date says the second only, in which much can be written; make a write depend on If-Match instead.")
  if ([match, noneMatch, version].filter((value) => value !== undefined).length > 1) {
    throw invalid("Give one of If-Match, If-None-Match and X-Stored-If-Version, not several.")
  }
  if (noneMatch !== undefined) {
    if (noneMatch.trim() === "*") return { ifAbsent: true }
    throw invalid('On a write If-None-Match can only be "*": the object must not exist.')
  }
  if (match === undefined && version === undefined) return {}
  if (name === null) throw invalid("A put without a key makes its key from the content: only If-None-Match: * fits it.")
  if (match === undefined) return { ifVersion: parseVersion(String(version)) }
  return ifMatch(match.trim(), store, name)
}

async function ifMatch(field: string, store: Pick<Store, "stat">, name: string): Promise<WriteCondition> {
  const tags = field === "*" ? null : parseTags(field)
  if (tags?.length === 1 && isVersion(tags[0]!)) return { ifVersion: parseVersion(tags[0]!) }
  const current = await store.stat(name)
  const holds = current && (tags === null || tags.includes(current.id) || tags.includes(String(current.version)))
  if (holds) return { ifVersion: current.version }
  throw new ConflictError(
    current ? `"${name}" is not what If-Match asks for; it has changed.` : `There is no "${name}" to match.`,
    { details: { version: current?.version ?? 0 } },
  )
}

/** What a read is compared with. */
export interface Validators {
  /** those that are meant, without quotes; the answer's own is the first */
  tags: readonly string[]
  /** UTC ms of what is served, null where that is not known */
  written: number | null
}

/** Of an object's content: its id, or the version. */
export function contentValidators({ id, version, written }: Pick<Metadata, "id" | "version" | "written">): Validators {
  return { tags: [id, String(version)], written }
}

/** What `If-Match`, or else `If-Unmodified-Since`, asks of a read. @throws ConflictError where it does not hold */
export function requireAsExpected(headers: IncomingHttpHeaders, { tags, written }: Validators): void {
  const match = headers["if-match"]?.trim()
  if (match !== undefined) {
    if (match === "*" || parseTags(match).some((tag) => tags.includes(tag))) return
    throw new ConflictError("What is here is not what If-Match asks for; it has changed.")
  }
  const since = parseDate(headers["if-unmodified-since"])
  if (since === null || written === null || inSeconds(written) <= since) return
  throw new ConflictError("What is here was changed after the time of If-Unmodified-Since.")
}

/** Whether the reader has this content already (304). Weak tags count, as the RFC says for reads; a date counts only where there are no tags. */
export function isNotModified(headers: IncomingHttpHeaders, { tags, written }: Validators): boolean {
  const field = headers["if-none-match"]?.trim()
  if (field !== undefined) return field === "*" || parseTags(field.replace(/\bW\//g, "")).includes(tags[0]!)
  const since = parseDate(headers["if-modified-since"])
  return since !== null && written !== null && inSeconds(written) <= since
}

/** Whether a range may be served: `If-Range` is absent or names this very content. */
export function rangeApplies(headers: IncomingHttpHeaders, metadata: Pick<Metadata, "id" | "modified">): boolean {
  const field = headers["if-range"]
  // A date says the second only, which is too coarse to promise the same bytes: then the whole is served.
  return field === undefined || field === entityTag(metadata)
}

/** Strong tags only: a weak one never matches a write. Bare words are taken as tags too. */
function parseTags(field: string): string[] {
  return field
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "" && !part.startsWith("W/"))
    .map((part) => part.replace(/^"(.*)"$/, "$1"))
}

const DATES = [
  /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} GMT$/,
  /^[A-Z][a-z]{5,8}, \d\d-[A-Z][a-z]{2}-\d\d [\d:]{8} GMT$/,
]
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4}$/

/** An HTTP date (RFC 9110, 5.6.7) in seconds since 1970; null for what is none, which is to be passed over. */
function parseDate(field: string | undefined): number | null {
  const text = field?.trim() ?? ""
  const isOne = DATES.some((form) => form.test(text))
  const time = Date.parse(isOne ? text : ASCTIME.test(text) ? `${text} GMT` : "")
  return Number.isNaN(time) ? null : inSeconds(time)
}

/** As `Last-Modified` says it. */
function inSeconds(time: number): number {
  return Math.floor(time / 1000)
}

function isVersion(tag: string): boolean {
  return /^\d{1,15}$/.test(tag)
}

function parseVersion(text: string): number {
  if (isVersion(text)) return Number(text)
  throw invalid(`"${text}" is not a version; give the object's version, or 0 for "does not exist".`)
}

function invalid(message: string): StoredError {
  return new StoredError("INVALID_INPUT", message)
}
