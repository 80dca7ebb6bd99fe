/**
 * What is told of decisions about access (E14). What changes something stands in the journal with its principal. Refusals do not: whoever has no token could fill the disk with them. They
 * go to the log, as many as that bears, to a counter, and, like every other decision, to whoever listens (`audit-trail.ts`).
 */
import type { FastifyBaseLogger, FastifyRequest } from "fastify"
import type { Access } from "../../core/access.ts"
import { type ErrorCode, isStoredError } from "../../core/error.ts"
import type { RequestRate } from "../../core/token-settings.ts"
import { loggedPath } from "../logged-path.ts"
import { Buckets } from "./buckets.ts"
import { addressOf } from "./caller.ts"

export interface AuditEvent {
  /** UTC ms */
  time: number
  decision: "allowed" | "refused"
  /** null: nobody knows who it was */
  principal: string | null
  requestId: string
  method: string
  /** of the API, as its document calls it; null where the path is none of it */
  operation: string | null
  /** without its query, which may hold a secret, in printable ASCII */
  path: string
  /** of the client, where a trusted proxy tells it */
  address: string
  /** why it was refused */
  code: ErrorCode | null
  /** the address that was signed by this request, without its signature */
  signed?: { method: "GET" | "PUT"; name: string; expires: number }
}

export interface AuditOptions {
  log: FastifyBaseLogger
  /** told of every decision; what it throws is logged and changes nothing */
  onAudit?: ((event: AuditEvent) => void) | undefined
  /** counts refusals */
  onRefusal?: ((code: ErrorCode) => void) | undefined
  /** ms that never go back */
  now?: () => number
}

/** Those that are about who asks; everything else is no decision about access. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "TOO_MANY_REQUESTS",
  "QUOTA_EXCEEDED",
])

/** Lines about refusals that a log takes, and about an audit that fails: whoever is refused a million times must not fill the disk. */
const LINES: RequestRate = { perSecond: 1, burst: 100 }

export class Audit {
  readonly #options: AuditOptions
  readonly #lines: Buckets
  /** lines that were left out since the last one, by what they were about */
  readonly #unsaid = new Map<string, number>()

  constructor(options: AuditOptions) {
    this.#options = options
    this.#lines = new Buckets(options.now)
  }

  allowed(request: FastifyRequest, access: Access): void {
    if (this.#options.onAudit) this.#tell(eventOf(request, access, null))
  }

  /** An address was signed: whoever has it is not asked who it is, so that it is told who made it. */
  signed(request: FastifyRequest, access: Access, signed: NonNullable<AuditEvent["signed"]>): void {
    if (this.#options.onAudit) this.#tell({ ...eventOf(request, access, null), signed })
  }

  /** Nothing where the error is about something else. @param access null where it is not known who it was */
  refused(request: FastifyRequest, access: Access | null, error: unknown): void {
    if (!isStoredError(error) || !REFUSALS.has(error.code)) return
    const event = eventOf(request, access, error.code)
    const { time: _time, ...facts } = event
    this.#say("refusal", (unsaid) => this.#options.log.warn({ ...facts, ...unsaid }, "a request was refused"))
    this.#options.onRefusal?.(error.code)
    this.#tell(event)
  }

  #tell(event: AuditEvent): void {
    try {
      this.#options.onAudit?.(event)
    } catch (error) {
      this.#say("fault", (unsaid) => this.#options.log.error({ err: error, ...unsaid }, "the audit hook threw"))
    }
  }

  /** Says it, with how many of its kind were not said before it, or counts it for the next one. */
  #say(kind: string, line: (unsaid: { unsaid?: number }) => void): void {
    const unsaid = this.#unsaid.get(kind) ?? 0
    const isSaid = this.#lines.take(kind, LINES) === 0
    this.#unsaid.set(kind, isSaid ? 0 : unsaid + 1)
    if (isSaid) line(unsaid > 0 ? { unsaid } : {})
  }
}

function eventOf(request: FastifyRequest, access: Access | null, code: ErrorCode | null): AuditEvent {
  return {
    time: Date.now(),
    decision: code === null ? "allowed" : "refused",
    principal: access?.principal ?? null,
    requestId: request.id,
    method: request.method,
    operation: request.routeOptions.config.operation ?? null,
    path: loggedPath(request.url),
    address: addressOf(request),
    code,
  }
}
