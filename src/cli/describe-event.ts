/** An event for a person: one line. */
import type { StoreEvent } from "../core/event.ts"
import { formatBytes, formatTime, safe } from "./format.ts"

const TYPE = "backend:breaker".length

/** `2026-01-31 09:15:00      1234  put              photos/a.jpg  version 2  1.5 MiB` */
export function describeEvent({ type, sequence, time, data }: StoreEvent): string {
  return [formatTime(time), String(sequence ?? "–").padStart(9), type.padEnd(TYPE), ...factsOf(data).map(safe)]
    .join("  ")
    .trimEnd()
}

/** What it is about first, whatever its type; then what else it says. */
function factsOf(data: StoreEvent["data"]): string[] {
  const { key, backend, backends, size, version, state, from, error, added, driver } = data as Record<string, unknown>
  return [
    ...(typeof key === "string" && key !== "" ? [key] : []),
    ...(typeof from === "string" ? [`from ${from}`] : []),
    ...(typeof backend === "string" && backend !== "" ? [backend] : []),
    ...(Array.isArray(backends) && backends.length > 0 ? [backends.join(", ")] : []),
    ...(typeof driver === "string" ? [driver] : []),
    ...(typeof added === "number" ? [`${added} found`] : []),
    ...(typeof version === "number" ? [`version ${version}`] : []),
    ...(typeof size === "number" ? [formatBytes(size)] : []),
    ...(typeof state === "string" ? [state] : []),
    ...(isFault(error) ? [`${error.message} [${error.code}]`] : []),
  ]
}

function isFault(error: unknown): error is { message: string; code: string } {
  return typeof error === "object" && error !== null && "message" in error && "code" in error
}
