/** A tracer where the environment asks for one. OpenTelemetry is loaded only then: nobody else pays for it. */
import type { SpanLog } from "./told-exporter.ts"
import type { Tracer } from "./tracer.ts"
import type { TracingSettings } from "./tracing-environment.ts"

/** @param process what the spans say that they come from, unless `OTEL_SERVICE_NAME` says otherwise */
export async function openTracer(
  settings: TracingSettings | null,
  process: { name: string; version: string },
  log: SpanLog,
): Promise<Tracer | null> {
  if (settings === null) return null
  const { OpenTelemetryTracer } = await import("./open-telemetry.ts")
  return new OpenTelemetryTracer(settings, process, log)
}
