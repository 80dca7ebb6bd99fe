/**
 * Where time goes, over processes: spans, as the rest of the house makes them. It knows nothing of who collects them; whoever is given no tracer makes none, and pays
 * nothing. Names and attributes come from closed lists and from the names of backends. Keys are among them only where `tellsKeys` says so; secrets never.
 */

export type Attributes = Readonly<Record<string, string | number | boolean>>

export interface SpanOptions {
  /** `server`: a request that came in; `client`: a call to somebody else; `consumer`: a job out of a queue; absent: within this process */
  kind?: "server" | "client" | "consumer"
  attributes?: Attributes
  /** W3C traceparent of what caused it, from elsewhere; absent, null or malformed: whatever span is under way here */
  parent?: string | null | undefined
}

export interface Span {
  set(attributes: Attributes): void
  /** @param code of the error that it ends with */
  fail(code: string): void
}

/** A span that does not end with one call. */
export interface OpenSpan extends Span {
  /** What is begun in there, and what that awaits, is part of the span. */
  run<Result>(work: () => Result): Result
  end(): void
}

export interface Tracer {
  /** whether keys may be attributes */
  readonly tellsKeys: boolean
  begin(name: string, options?: SpanOptions): OpenSpan
  /** Work within a span that ends with it, failed where it throws. */
  within<Result>(name: string, options: SpanOptions, work: (span: Span) => Promise<Result>): Promise<Result>
  /** W3C traceparent of the span under way here; null where there is none, or nobody collects it */
  current(): string | null
  /** Which trace has caused work that is done later, by somebody else. Kept in memory only, and only so many: what was forgotten begins a trace of its own. */
  readonly causes: Causes
  /** Delivers what is there, for at most `deadline` ms. Never throws. */
  close(deadline: number): Promise<void>
}

export interface Causes {
  /** The span under way here has caused the work on `subject`. */
  note(subject: string): void
  /** its traceparent, or null */
  of(subject: string): string | null
  /** the work is done */
  forget(subject: string): void
}
