/**
 * Who may do what: the one authorisation function (ASVS 8.2). Denied is what was not granted. It looks at canonical keys only, and at nothing else of the world,
 * so that every door asks the same question and gets the same answer.
 */
import { coversKey, coversPrefix } from "./access-prefix.ts"
import { StoredError } from "./error.ts"

/**
 * `read`: bytes and facts. `write`: put, delete, move, copy. `admin`: both, and backends, tokens, cache, retries, forced deletes; over the whole store only.
 * `worker`: what workers need, the secrets of backends too; nothing else is part of it, and it is part of nothing else.
 */
export const SCOPES = ["read", "write", "admin", "worker"] as const
export type Scope = (typeof SCOPES)[number]

/** What somebody may do, and who it is. */
export interface Access {
  /** for the journal: `admin`, `anonymous`, `token:<id>`; for the log also `worker`, `metrics` */
  readonly principal: string
  /** id of the token, null where there is none */
  readonly token: string | null
  /** what it may touch: folders that end in a slash, and keys; null: every key */
  readonly prefixes: readonly string[] | null
  /** backends that it may name, and whose copies it may touch; null: every one */
  readonly backends: readonly string[] | null
  allows(scope: Scope): boolean
  /** False for what is no canonical key, too. */
  allowsKey(key: string): boolean
  /** Whether every key that begins so is allowed. */
  allowsPrefix(prefix: string): boolean
  allowsBackend(name: string): boolean
}

export interface Grant {
  principal: string
  token?: string
  scopes: readonly Scope[]
  prefixes: readonly string[] | null
  backends: readonly string[] | null
}

export function accessOf({ principal, token, scopes, prefixes, backends }: Grant): Access {
  return {
    principal,
    token: token ?? null,
    prefixes,
    backends,
    allows: (scope) => scopes.includes(scope) || (scopes.includes("admin") && ADMIN_TOO.has(scope)),
    allowsKey: (key) => coversKey(prefixes, key),
    allowsPrefix: (prefix) => coversPrefix(prefixes, prefix),
    allowsBackend: (name) => backends === null || backends.includes(name),
  }
}

const ADMIN_TOO: ReadonlySet<Scope> = new Set(["read", "write"])

const EVERYTHING = { prefixes: null, backends: null } as const

/** Whoever bears `STORED_ADMIN_TOKEN`. Not a worker: secrets go in through this door, and never out. */
export const ROOT: Access = accessOf({ principal: "admin", scopes: ["admin"], ...EVERYTHING })

/** Whoever bears `STORED_WORKER_TOKEN`. */
export const WORKER: Access = accessOf({ principal: "worker", scopes: ["worker"], ...EVERYTHING })

/** Whoever bears `STORED_METRICS_TOKEN`: may read what is counted, which no scope is about. */
export const METER: Access = accessOf({ principal: "metrics", scopes: [], ...EVERYTHING })

/** Whoever reaches a server that asks for no token. */
export const ANONYMOUS: Access = accessOf({ principal: "anonymous", scopes: ["admin"], ...EVERYTHING })

/** Whoever comes to what is open to everybody: may do nothing else. */
export const NOBODY: Access = accessOf({ principal: "anonymous", scopes: [], prefixes: [], backends: [] })

/** What a request is about to do; what it does not name, it does not touch. */
export interface Wanted {
  scope: Scope
  /** every one of them */
  keys?: readonly string[]
  /** every key that begins so; empty: the whole store */
  prefix?: string
  backends?: readonly string[]
}

/** @throws StoredError FORBIDDEN, with a sentence that tells nothing of what is there */
export function authorise(access: Access, { scope, keys = [], prefix, backends = [] }: Wanted): void {
  if (!access.allows(scope)) throw forbidden(`This needs a token with the scope "${scope}".`, { scope })
  for (const key of keys) {
    if (!access.allowsKey(key))
      throw forbidden("This key is outside of what the token may touch; see its prefixes.", {})
  }
  if (prefix !== undefined && !access.allowsPrefix(prefix)) {
    throw forbidden(
      prefix === ""
        ? "This is about the whole store, and the token may touch a part of it only."
        : "This prefix is outside of what the token may touch; see its prefixes.",
      {},
    )
  }
  for (const name of backends) {
    if (!access.allowsBackend(name))
      throw forbidden("This backend is not among those that the token may use; see its backends.", {})
  }
}

export function forbidden(message: string, details: Readonly<Record<string, unknown>> = {}): StoredError {
  return new StoredError("FORBIDDEN", message, { details })
}
