/** The parts of tracing on their own: headers, what is remembered, what the environment says, and what the decorators leave as it is. */
import { describe, expect, it } from "vitest"
import { parseEnvironment } from "../../src/api/environment.ts"
import { MemoryBackend } from "../../src/backends/memory.ts"
import type { StoredError } from "../../src/core/error.ts"
import { tracedBackend } from "../../src/store/traced-backend.ts"
import { KeptCauses } from "../../src/tracing/kept-causes.ts"
import { formatTraceParent, parseTraceParent } from "../../src/tracing/trace-parent.ts"
import type { OpenSpan, SpanOptions, Tracer } from "../../src/tracing/tracer.ts"

const TRACE = "0af7651916cd43dd8448eb211c80319c"
const SPAN = "b7ad6b7169203331"

describe("a traceparent", () => {
  it.each([`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-00`])("%s is read and written", (text) => {
    expect(formatTraceParent(parseTraceParent(text)!)).toBe(text)
  })

  it("of a later version is read as far as it is known", () => {
    expect(parseTraceParent(`01-${TRACE}-${SPAN}-01-more`)).toEqual({ traceId: TRACE, spanId: SPAN, flags: 1 })
  })

  it.each([
    "",
    "00-none",
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01\n`,
    `01-${TRACE}-${SPAN}-01-${"x".repeat(512)}`,
  ])("%j is none", (text) => expect(parseTraceParent(text)).toBeNull())
})

describe("causes", () => {
  it("are the newest of their subjects, at most so many, until they are forgotten", () => {
    let now: string | null = "t1"
    const causes = new KeptCauses(() => now, 2)
    causes.note("a")
    now = "t2"
    causes.note("b")
    causes.note("a")
    causes.note("c")
    expect(["a", "b", "c"].map((subject) => causes.of(subject))).toEqual(["t2", null, "t2"])
    causes.forget("a")
    now = null
    causes.note("c")
    expect(["a", "c"].map((subject) => causes.of(subject))).toEqual([null, null])
  })
})

describe("the environment", () => {
  const of = (variables: Record<string, string>) => parseEnvironment(variables).tracing
  const ADDRESS = "http://collector:4318"

  it.each<[Record<string, string>, boolean]>([
    [{}, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: ADDRESS }, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ADDRESS }, true],
    [{ OTEL_TRACES_EXPORTER: "otlp" }, true],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "" }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: ADDRESS, OTEL_TRACES_EXPORTER: "none" }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: ADDRESS, OTEL_SDK_DISABLED: "TRUE" }, false],
  ])("%j: spans are made: %s", (variables, isOn) => expect(of(variables) !== null).toBe(isOn))

  it("has defaults, and tells its mistakes", () => {
    const settings = { sampler: "parentbased_always_on", ratio: 1, delay: 5_000, tellsKeys: false }
    expect(of({ OTEL_TRACES_EXPORTER: "otlp" })).toEqual(settings)
    const wrong = {
      OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318",
      OTEL_TRACES_EXPORTER: "zipkin",
      OTEL_TRACES_SAMPLER: "often",
      OTEL_TRACES_SAMPLER_ARG: "2",
      OTEL_BSP_SCHEDULE_DELAY: "0",
      STORED_TRACE_KEYS: "yes",
    }
    const told = expect.objectContaining({
      code: "INVALID_CONFIG",
      details: { issues: Object.keys(wrong).map((path) => expect.objectContaining({ path })) },
    })
    expect(() => of(wrong)).toThrow(told)
  })
})

/** Remembers spans, with what they were told. */
function listeningTracer(tellsKeys: boolean) {
  const spans: { name: string; attributes: object; failed: string | null; ended: boolean }[] = []
  const begin = (name: string, { attributes = {} }: SpanOptions = {}): OpenSpan => {
    const span = { name, attributes: { ...attributes }, failed: null as string | null, ended: false }
    spans.push(span)
    return {
      set: (more) => void Object.assign(span.attributes, more),
      fail: (code) => {
        span.failed = code
      },
      run: (work) => work(),
      end: () => {
        span.ended = true
      },
    }
  }
  const tracer: Tracer = {
    tellsKeys,
    begin,
    within: async (name, options, work) => {
      const span = begin(name, options)
      try {
        return await work(span)
      } catch (error) {
        span.fail((error as StoredError).code)
        throw error
      } finally {
        span.end()
      }
    },
    current: () => null,
    causes: new KeptCauses(() => null),
    close: async () => {},
  }
  return { tracer, spans }
}

describe("a traced backend", () => {
  it("has the abilities of its driver, no more and no less, and fails as it does", async () => {
    const plain = new MemoryBackend({ hashers: null as never })
    const { tracer, spans } = listeningTracer(false)
    const traced = tracedBackend(plain, "m", tracer)
    for (const ability of ["checksum", "recognise", "copy", "presign", "pathOf", "watch", "refusesOver"] as const) {
      expect(traced[ability] === undefined, ability).toBe(plain[ability] === undefined)
    }
    expect([traced.driver, traced.capabilities]).toEqual([plain.driver, plain.capabilities])
    await traced.open()
    await expect(traced.get("absent")).rejects.toThrow(expect.objectContaining({ code: "NOT_FOUND" }))
    expect(await Array.fromAsync(traced.list())).toEqual([])
    const common = { "adapter.kind": "memory", "adapter.name": "m" }
    expect(spans).toEqual([
      { name: "backend.open", attributes: { ...common, "stored.operation": "open" }, failed: null, ended: true },
      { name: "backend.get", attributes: { ...common, "stored.operation": "get" }, failed: "NOT_FOUND", ended: true },
      {
        name: "backend.list",
        attributes: { ...common, "stored.operation": "list", "stored.entries": 0 },
        failed: null,
        ended: true,
      },
    ])
  })

  it("tells keys only where that is asked for", async () => {
    for (const tellsKeys of [false, true]) {
      const { tracer, spans } = listeningTracer(tellsKeys)
      const traced = tracedBackend(new MemoryBackend({ hashers: null as never }), "m", tracer)
      await traced.open()
      await traced.stat("the-key")
      expect(JSON.stringify(spans).includes("the-key")).toBe(tellsKeys)
    }
  })

  it("is the backend itself where nobody collects spans", () => {
    const plain = new MemoryBackend({ hashers: null as never })
    expect(tracedBackend(plain, "m", null)).toBe(plain)
  })
})
