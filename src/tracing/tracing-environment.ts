/**
 * What the environment says of spans, by the names that OpenTelemetry gives. They are made where `OTEL_TRACES_EXPORTER` or an endpoint is set, and
 * `OTEL_SDK_DISABLED` is not. Where they go, with which headers and deadlines, `OTEL_EXPORTER_OTLP_…` says to the exporter itself.
 */
import * as z from "zod"

export const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const

const RATIO = "expected a share from 0 to 1"
const DELAY = "expected ms from 1 to 60000"
const isAddress = (text: string): boolean => /^https?:$/.test(URL.parse(text)?.protocol ?? "")
const address = z.string().refine(isAddress, "expected http://host:port of a collector that takes OTLP over HTTP")

/** Part of the environment of each process. */
export const tracingVariables = {
  OTEL_EXPORTER_OTLP_ENDPOINT: address.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: address.optional(),
  OTEL_TRACES_EXPORTER: z.enum(["otlp", "none"], 'expected "otlp" or "none"').optional(),
  OTEL_SDK_DISABLED: z.string().optional(),
  OTEL_TRACES_SAMPLER: z.enum(SAMPLERS, `expected one of ${SAMPLERS.join(", ")}`).default("parentbased_always_on"),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .transform(Number)
    .refine((ratio) => ratio >= 0 && ratio <= 1, RATIO)
    .default(1),
  OTEL_BSP_SCHEDULE_DELAY: z
    .string()
    .regex(/^\d{1,5}$/, DELAY)
    .transform(Number)
    .refine((delay) => delay >= 1 && delay <= 60_000, DELAY)
    .default(5_000),
  STORED_TRACE_KEYS: z.enum(["0", "1"], "expected 1, or 0").default("0"),
}

const schema = z.object(tracingVariables)

export interface TracingSettings {
  sampler: (typeof SAMPLERS)[number]
  /** share of traces, for those that ask for one */
  ratio: number
  /** ms for which spans are gathered before they are sent */
  delay: number
  /** keys may be attributes of spans */
  tellsKeys: boolean
}

/** Null where nobody wants spans. */
export function tracingSettings(given: z.output<typeof schema>): TracingSettings | null {
  const { OTEL_TRACES_EXPORTER: exporter, OTEL_SDK_DISABLED, OTEL_TRACES_SAMPLER: sampler } = given
  const endpoint = given.OTEL_EXPORTER_OTLP_ENDPOINT ?? given.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
  const isDisabled = OTEL_SDK_DISABLED?.toLowerCase() === "true"
  if (isDisabled || exporter === "none" || (exporter === undefined && endpoint === undefined)) return null
  const { OTEL_TRACES_SAMPLER_ARG: ratio, OTEL_BSP_SCHEDULE_DELAY: delay, STORED_TRACE_KEYS } = given
  return { sampler, ratio, delay, tellsKeys: STORED_TRACE_KEYS === "1" }
}
