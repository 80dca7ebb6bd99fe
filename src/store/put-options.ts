/** Checks the options of a put once, at the front door. Every fault is a `StoredError`, before a byte is read. */
import type { Checksums } from "../core/checksum.ts"
import { isChecksumAlgorithm, isDigest } from "../core/checksum.ts"
import { StoredError } from "../core/error.ts"
import { type JsonObject, parseMetadata } from "../core/json.ts"
import { type Key, parseKey } from "../core/key.ts"
import { parseMimeType } from "./mime-type.ts"
import { requestName } from "./running-requests.ts"
import type { StoreServices } from "./services.ts"
import type { PutOptions } from "./store.ts"

export interface CheckedPut {
  key: Key | null
  backends: string[]
  custom: JsonObject
  mimeType: string | undefined
  expect: Checksums
  durable: boolean
  /** proven copies to wait for */
  copies: number
  /** ms to wait for them */
  waitMs: number
  ifVersion: number | undefined
  ifAbsent: boolean
  beforeCommit: (() => void) | undefined
  /** id of the token whose quota it counts against */
  token: string | undefined
  /** the name of the request that is to be done once, null where it may be done again */
  request: string | null
  actor: { principal?: string; requestId?: string; idempotencyKey?: string }
}

export function checkPut(services: StoreServices, options: PutOptions): CheckedPut {
  const backends = checkBackends(services, options.backends)
  return {
    key: options.key === undefined ? null : parseKey(options.key),
    backends,
    custom: parseMetadata(options.metadata),
    mimeType: options.mimeType === undefined ? undefined : parseMimeType(options.mimeType),
    expect: checkChecksums(options.checksums),
    durable: options.durability !== "os",
    copies: checkCopies(options.durability, backends.length),
    waitMs: options.waitMs ?? services.config.waitMs,
    ifVersion: checkVersion(options.ifVersion),
    ifAbsent: options.ifAbsent ?? false,
    beforeCommit: options.beforeCommit,
    token: options.token,
    request: requestName("put", options),
    actor: {
      ...(options.principal !== undefined && { principal: options.principal }),
      ...(options.requestId !== undefined && { requestId: options.requestId }),
      ...(options.idempotencyKey !== undefined && { idempotencyKey: options.idempotencyKey }),
    },
  }
}

/** @throws StoredError UNKNOWN_BACKEND, NO_BACKEND, INVALID_INPUT */
export function checkBackends(services: Pick<StoreServices, "backends">, names: string[] | undefined): string[] {
  const backends = [...new Set(names ?? services.backends.defaults())]
  for (const name of backends) services.backends.get(name)
  if (backends.length > 0) return backends
  throw new StoredError(
    "NO_BACKEND",
    "No backend is named and none is configured as default; add one, or name one in `backends`.",
  )
}

function checkChecksums(checksums: Checksums | undefined): Checksums {
  const checked: Checksums = {}
  for (const [algorithm, digest] of Object.entries(checksums ?? {})) {
    const hex = String(digest).toLowerCase()
    if (!isChecksumAlgorithm(algorithm) || !isDigest(algorithm, hex)) {
      throw new StoredError(
        "INVALID_INPUT",
        `The declared checksum ${algorithm}:${hex.slice(0, 140)} is not well formed; give lower-case hex of a known algorithm.`,
      )
    }
    checked[algorithm] = hex
  }
  return checked
}

function checkCopies(durability: string | undefined, backends: number): number {
  if (durability === undefined || durability === "staged" || durability === "os") return 0
  if (durability === "all") return backends
  const match = /^copies:([1-9]\d{0,3})$/.exec(durability)
  if (!match)
    throw new StoredError("INVALID_INPUT", `durability is "${durability}"; use "staged", "os", "copies:<n>" or "all".`)
  const copies = Number(match[1])
  if (copies <= backends) return copies
  throw new StoredError(
    "INVALID_INPUT",
    `${copies} copies are asked for, but only ${backends} backends are to hold this object.`,
  )
}

/** @throws StoredError INVALID_INPUT */
export function checkVersion(version: number | undefined): number | undefined {
  if (version === undefined || (Number.isSafeInteger(version) && version >= 0)) return version
  throw new StoredError(
    "INVALID_INPUT",
    `ifVersion is ${version}; give the object's version, or 0 for "does not exist".`,
  )
}
