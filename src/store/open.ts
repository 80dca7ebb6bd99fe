/**
 * `get` and `open` (DESIGN §4): from staging where the bytes are there, else from the named copies or the first proven one. A copy that
 * fails is never replaced silently (A32): the error names the others, and only `fallback` tries them.
 */
import type { Readable } from "node:stream"
import type { BlobRecord, LocationRecord } from "../catalog/record.ts"
import type { ByteRange } from "../core/blob-source.ts"
import { isStoredError, StoredError, throwIfAborted, toStoredError } from "../core/error.ts"
import { countedRead } from "./counted-read.ts"
import { firstBytes } from "./first-bytes.ts"
import { describe } from "./metadata.ts"
import { provenCopies, requireTarget, type Target } from "./reference.ts"
import { readRemote } from "./remote-read.ts"
import type { StoreServices } from "./services.ts"
import type { GetOptions, OpenedBlob } from "./store.ts"
import { suspect, suspectWhenCorrupt } from "./suspect.ts"

type Options = Omit<GetOptions, "stream">

/** @throws StoredError NOT_FOUND, COPY_UNAVAILABLE, CORRUPT, INVALID_RANGE, UNKNOWN_BACKEND */
export async function open(services: StoreServices, idOrKey: string, options: Options = {}): Promise<OpenedBlob> {
  const { target, range, wanted } = prepare(services, idOrKey, options)
  const count = (bytes: number): void => services.meter.bytes("out", bytes)
  const staged = await fromStaging(services, target.blob, () =>
    services.staging.read(target.blob.id, target.blob.size, readOptions(options, wanted)),
  )
  if (staged) suspectWhenCorrupt(services, target.blob.id, staged)
  const read = staged
    ? { result: countedRead(staged, count), servedFrom: "staging" }
    : await fromCopies(services, target, options, wanted, async (stream, isLast) => {
        const counted = countedRead(stream, count)
        return isLast ? counted : firstBytes(counted)
      })
  return { metadata: describe(services, target), range, stream: read.result, servedFrom: read.servedFrom }
}

export async function get(
  services: StoreServices,
  idOrKey: string,
  options: GetOptions = {},
): Promise<Buffer | Readable> {
  if (options.stream) return (await open(services, idOrKey, options)).stream
  const { target, range, wanted } = prepare(services, idOrKey, options)
  const staged = await fromStaging(services, target.blob, () =>
    services.staging.readBuffer(target.blob.id, target.blob.size, readOptions(options, wanted)),
  )
  const size = range.end - range.start
  const bytes =
    staged ?? (await fromCopies(services, target, options, wanted, (stream) => collect(stream, size))).result
  services.meter.bytes("out", bytes.length)
  return bytes
}

interface Prepared {
  target: Target
  range: ByteRange
  /** the range to ask for, undefined for a whole read */
  wanted: ByteRange | undefined
}

function prepare(services: StoreServices, idOrKey: string, options: Options): Prepared {
  services.lifecycle.requireOpen()
  throwIfAborted(options.signal)
  const named = [...preferred(options), ...(Array.isArray(options.fallback) ? options.fallback : [])]
  for (const name of named) services.backends.get(name)
  const target = requireTarget(services.catalog, idOrKey)
  const range = checkRange(options.range, target.blob.size)
  const wanted = range.start === 0 && range.end === target.blob.size ? undefined : range
  return { target, range, wanted }
}

/** @throws StoredError INVALID_RANGE */
function checkRange(range: GetOptions["range"], size: number): ByteRange {
  if (!range) return { start: 0, end: size }
  const end = Math.min(range.end ?? size, size)
  const valid = Number.isSafeInteger(range.start) && range.start >= 0 && Number.isSafeInteger(end) && range.start < end
  if (valid) return { start: range.start, end }
  throw new StoredError(
    "INVALID_RANGE",
    `The range ${range.start}–${range.end ?? "end"} is not inside the ${size} bytes.`,
    { details: { size } },
  )
}

function readOptions(options: Options, wanted: ByteRange | undefined) {
  return {
    ...(wanted && { range: wanted }),
    ...(options.verify !== undefined && { verify: options.verify }),
    ...(options.signal && { signal: options.signal }),
  }
}

/** Null where staging does not have the bytes, or has bad ones: they are put aside, and a copy is read instead. */
async function fromStaging<Result>(
  services: StoreServices,
  blob: BlobRecord,
  read: () => Promise<Result>,
  { again = true } = {},
): Promise<Result | null> {
  if (!blob.staged) {
    services.staging.countMiss()
    return null
  }
  try {
    const result = await read()
    services.staging.countHit()
    services.readTimes.note(blob.id, services.clock.now())
    return result
  } catch (error) {
    if (!isStoredError(error) || (error.code !== "NOT_FOUND" && error.code !== "CORRUPT")) throw error
    // Good after all: a put has replaced the bytes while they were looked at.
    const isGood = (await suspect(services, blob.id)) === "good"
    if (isGood && again) return fromStaging(services, blob, read, { again: false })
    services.staging.countMiss()
    return null
  }
}

function preferred(options: Options): string[] {
  return options.backends ?? (options.backend === undefined ? [] : [options.backend])
}

async function fromCopies<Result>(
  services: StoreServices,
  target: Target,
  options: Options,
  wanted: ByteRange | undefined,
  use: (stream: Readable, isLast: boolean) => Promise<Result>,
): Promise<{ result: Result; servedFrom: string }> {
  const proven = provenCopies(services.catalog, target, services.backends.names())
  const { order, rest } = chooseCopies(services, proven, options)
  let failure: StoredError | null = null
  for (const [index, location] of order.entries()) {
    try {
      const stream = await readRemote(services, target.blob, location, wanted, options.signal)
      const result = await use(stream, index === order.length - 1)
      if (index > 0) announceFallback(services, target, order[0]!, location)
      return { result, servedFrom: location.backend }
    } catch (error) {
      failure = toStoredError(error)
      if (failure.code === "ABORTED") throw failure
    }
  }
  throw unavailable(target, order, rest, failure)
}

/** Which copies are tried in which order, and which others there are. */
function chooseCopies(
  services: StoreServices,
  proven: LocationRecord[],
  options: Options,
): { order: LocationRecord[]; rest: LocationRecord[] } {
  const asked = preferred(options)
  const ranking = [...services.backends.defaults(), ...services.backends.names()]
  const ranked = proven.toSorted((a, b) => rank(ranking, a.backend) - rank(ranking, b.backend))
  const pick = (names: string[]): LocationRecord[] =>
    names.flatMap((name) => ranked.filter((location) => location.backend === name))
  const first = asked.length > 0 ? pick(asked) : ranked.slice(0, 1)
  const others = ranked.filter((location) => !first.includes(location))
  const extra =
    options.fallback === true
      ? others
      : Array.isArray(options.fallback)
        ? pick(options.fallback).filter((location) => others.includes(location))
        : []
  const order = [...first, ...extra]
  return { order, rest: ranked.filter((location) => !order.includes(location)) }
}

function rank(ranking: string[], backend: string): number {
  const index = ranking.indexOf(backend)
  return index < 0 ? ranking.length : index
}

function announceFallback(
  services: StoreServices,
  target: Target,
  first: LocationRecord,
  served: LocationRecord,
): void {
  const data = {
    checksum: target.blob.id,
    key: target.object?.key ?? null,
    backend: first.backend,
    servedFrom: served.backend,
  }
  services.bus.publish("read:fallback", null, services.clock.now(), data)
}

function unavailable(
  target: Target,
  tried: LocationRecord[],
  rest: LocationRecord[],
  failure: StoredError | null,
): StoredError {
  const name = target.object?.key ?? target.blob.id
  const others = rest.map((location) => location.backend)
  const details = {
    id: target.blob.id,
    tried: tried.map((location) => location.backend),
    others,
    ...(failure && { error: failure.toJSON() }),
  }
  const hint = others.length > 0 ? ` Other copies are on ${others.join(", ")}; ask for them with fallback.` : ""
  const reason = failure?.message ?? "no proven copy is where it was asked for"
  const code = failure?.code === "CORRUPT" ? "CORRUPT" : "COPY_UNAVAILABLE"
  return new StoredError(code, `"${name}" cannot be read now: ${reason}${hint}`, {
    cause: failure,
    retryable: failure?.retryable ?? false,
    details,
  })
}

async function collect(stream: Readable, size: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(size)
  let filled = 0
  for await (const chunk of stream) {
    const bytes = chunk as Uint8Array
    buffer.set(bytes, filled)
    filled += bytes.length
  }
  if (filled === size) return buffer
  throw new StoredError("COPY_UNAVAILABLE", `The copy ended after ${filled} of ${size} bytes.`, { retryable: true })
}
