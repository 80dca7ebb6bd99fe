/**
 * Spans by OpenTelemetry, sent as OTLP over HTTP to where `OTEL_EXPORTER_OTLP_…` says. Nothing of it is global: whoever has the store in a process
 * with an OpenTelemetry of its own keeps that as it is.
 */
import { type Context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api"
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks"
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http"
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources"
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace"
import { toStoredError } from "../core/error.ts"
import { KeptCauses } from "./kept-causes.ts"
import { type SpanLog, ToldExporter } from "./told-exporter.ts"
import { formatTraceParent, parseTraceParent } from "./trace-parent.ts"
import type { OpenSpan, Span, SpanOptions, Tracer } from "./tracer.ts"
import type { TracingSettings } from "./tracing-environment.ts"

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, consumer: SpanKind.CONSUMER }
const SAMPLED = 1

export class OpenTelemetryTracer implements Tracer {
  readonly tellsKeys: boolean
  readonly causes = new KeptCauses(() => this.current())
  readonly #contexts = new AsyncLocalStorageContextManager().enable()
  readonly #provider: TracerProvider
  readonly #tracer: ReturnType<TracerProvider["getTracer"]>

  constructor(settings: TracingSettings, { name, version }: { name: string; version: string }, log: SpanLog) {
    this.tellsKeys = settings.tellsKeys
    const own = resourceFromAttributes({ "service.name": name, "service.version": version, "process.pid": process.pid })
    this.#provider = new TracerProvider({
      resource: own.merge(detectResources({ detectors: [envDetector] })),
      sampler: samplerOf(settings),
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: new ToldExporter(new OTLPTraceExporter(), log),
          scheduledDelayMillis: settings.delay,
        }),
      ],
    })
    this.#tracer = this.#provider.getTracer("stored", version)
  }

  begin(name: string, { kind, attributes, parent }: SpanOptions = {}): OpenSpan {
    const context = this.#contextOf(parent)
    const options = { kind: kind ? KINDS[kind] : SpanKind.INTERNAL, ...(attributes && { attributes }) }
    const span = this.#tracer.startSpan(name, options, context)
    return {
      set: (more) => void span.setAttributes(more),
      fail: (code) => void span.setAttribute("error.type", code).setStatus({ code: SpanStatusCode.ERROR }),
      run: (work) => this.#contexts.with(trace.setSpan(context, span), work),
      end: () => span.end(),
    }
  }

  async within<Result>(name: string, options: SpanOptions, work: (span: Span) => Promise<Result>): Promise<Result> {
    const span = this.begin(name, options)
    try {
      return await span.run(() => work(span))
    } catch (error) {
      span.fail(toStoredError(error).code)
      throw error
    } finally {
      span.end()
    }
  }

  current(): string | null {
    const context = trace.getSpanContext(this.#contexts.active())
    if (!context || (context.traceFlags & SAMPLED) === 0) return null
    return formatTraceParent({ traceId: context.traceId, spanId: context.spanId, flags: context.traceFlags })
  }

  async close(deadline: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadline)
    })
    // The exporter has told already what could not be delivered.
    await Promise.race([this.#provider.shutdown().catch(() => {}), late])
    clearTimeout(timer)
  }

  #contextOf(parent: string | null | undefined): Context {
    const given = parent ? parseTraceParent(parent) : null
    if (!given) return this.#contexts.active()
    const { traceId, spanId, flags } = given
    return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: flags, isRemote: true })
  }
}

function samplerOf({ sampler, ratio }: TracingSettings): Sampler {
  const root = rootSampler(sampler, ratio)
  return sampler.startsWith("parentbased_") ? new ParentBasedSampler({ root }) : root
}

function rootSampler(sampler: TracingSettings["sampler"], ratio: number): Sampler {
  if (sampler.endsWith("always_off")) return new AlwaysOffSampler()
  return sampler.endsWith("traceidratio") ? new TraceIdRatioBasedSampler(ratio) : new AlwaysOnSampler()
}
