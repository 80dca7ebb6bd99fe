/** The header of W3C Trace Context (https://www.w3.org/TR/trace-context/): which span, of which trace, and whether it is collected. */

export interface TraceParent {
  traceId: string
  spanId: string
  /** bits; 1: sampled */
  flags: number
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const MOST = 512

/** Null where it is none: then a trace of its own begins, as the standard has it. */
export function parseTraceParent(text: string): TraceParent | null {
  if (text.length > MOST) return null
  const match = FORM.exec(text)
  if (!match) return null
  const [, version, traceId, spanId, flags, more] = match
  // A later version may say more after what version 00 says; that one may not.
  if (version === "ff" || (version === "00" && more !== undefined)) return null
  if (/^0+$/.test(traceId!) || /^0+$/.test(spanId!)) return null
  return { traceId: traceId!, spanId: spanId!, flags: Number.parseInt(flags!, 16) }
}

export function formatTraceParent({ traceId, spanId, flags }: TraceParent): string {
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, "0")}`
}
