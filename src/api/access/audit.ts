/**
 * What is told of decisions about access (E14). What changes something stands in the journal with its principal. Refusals do not: whoever has no token could fill the disk with them. They
 * go to the log, to a counter, and, like every other decision, to whoever listens.
 */
import type { FastifyBaseLogger, FastifyRequest } from "fastify"
import type { Access } from "../../core/access.ts"
import { type ErrorCode, isStoredError } from "../../core/error.ts"
import { loggedPath } from "../logged-path.ts"

export interface AuditEvent {
  /** UTC ms */
  time: number
  decision: "allowed" | "refused"
  /** null: nobody knows who it was */
  principal: string | null
  requestId: string
  method: string
  /** without its query, which may hold a secret, in printable ASCII */
  path: string
  address: string
  /** why it was refused */
  code: ErrorCode | null
}

export interface AuditOptions {
  log: FastifyBaseLogger
  /** told of every decision; what it throws is logged and changes nothing */
  onAudit?: ((event: AuditEvent) => void) | undefined
  /** counts refusals */
  onRefusal?: ((code: ErrorCode) => void) | undefined
}

/** Those that are about who asks; everything else is no decision about access. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "TOO_MANY_REQUESTS",
  "QUOTA_EXCEEDED",
])

export class Audit {
  readonly #options: AuditOptions

  constructor(options: AuditOptions) {
    this.#options = options
  }

  allowed(request: FastifyRequest, access: Access): void {
    if (this.#options.onAudit) this.#tell(eventOf(request, access, null))
  }

  /** Nothing where the error is about something else. @param access null where it is not known who it was */
  refused(request: FastifyRequest, access: Access | null, error: unknown): void {
    if (!isStoredError(error) || !REFUSALS.has(error.code)) return
    const event = eventOf(request, access, error.code)
    const { time: _time, ...facts } = event
    this.#options.log.info(facts, "a request was refused")
    this.#options.onRefusal?.(error.code)
    this.#tell(event)
  }

  #tell(event: AuditEvent): void {
    try {
      this.#options.onAudit?.(event)
    } catch (error) {
      this.#options.log.error({ err: error }, "the audit hook threw")
    }
  }
}

function eventOf(request: FastifyRequest, access: Access | null, code: ErrorCode | null): AuditEvent {
  return {
    time: Date.now(),
    decision: code === null ? "allowed" : "refused",
    principal: access?.principal ?? null,
    requestId: request.id,
    method: request.method,
    path: loggedPath(request.url),
    address: request.ip,
    code,
  }
}
