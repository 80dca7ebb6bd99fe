/** Sends spans, and says once when they cannot be delivered, and once when they can again. Spans that cannot are lost: nothing waits for them. */
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace"

export interface SpanLog {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
}

export class ToldExporter implements SpanExporter {
  readonly #exporter: SpanExporter
  readonly #log: SpanLog
  #isAway = false

  constructor(exporter: SpanExporter, log: SpanLog) {
    this.#exporter = exporter
    this.#log = log
  }

  export(spans: ReadableSpan[], done: Parameters<SpanExporter["export"]>[1]): void {
    this.#exporter.export(spans, (result) => {
      this.#tell(result.error)
      // The batch is over either way: told as failed, it would be told again by OpenTelemetry's own means.
      done({ code: 0 })
    })
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown()
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.()
  }

  #tell(error: Error | undefined): void {
    const isAway = error !== undefined
    if (isAway === this.#isAway) return
    this.#isAway = isAway
    if (error) this.#log.warn({ reason: error.message }, "spans cannot be delivered to the collector, and are dropped")
    else this.#log.info({}, "spans are delivered again")
  }
}
