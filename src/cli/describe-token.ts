/** A token for a person: one line in a list, or all that is known of it. Its secret is not among it. */
import type { TokenInfo } from "../store/store.ts"
import { formatAge, formatBytes, formatTime, safe } from "./format.ts"

export function describeTokenBriefly(token: TokenInfo, now: number): string {
  const { id, name, scopes, prefixes } = token
  const where = prefixes === null ? "everything" : prefixes.join(", ")
  return `${id}  ${name} (${stateOf(token, now)}): ${scopes.join(", ")} on ${where}`
}

export function describeToken(token: TokenInfo, now: number): string {
  const { backends, rate, quota, usage, created, expires, lastUsed, overlapUntil } = token
  const lines: [string, string][] = [
    ["backends", backends?.join(", ") ?? "every one"],
    ["rate", rate ? `${rate.perSecond} a second, ${rate.burst} at once` : "no limit"],
    [
      "bytes",
      `${usage ? formatBytes(usage.bytes) : "not counted"} of ${quota?.bytes == null ? "no limit" : formatBytes(quota.bytes)}`,
    ],
    ["objects", `${usage?.objects ?? "not counted"} of ${quota?.objects ?? "no limit"}`],
    ["created", formatTime(created)],
    ["expires", expires === null ? "never" : formatTime(expires)],
    ["last used", lastUsed === null ? "never" : `${formatAge(now - lastUsed)} ago`],
  ]
  if (overlapUntil !== null) lines.push(["overlap", `the secret before works until ${formatTime(overlapUntil)}`])
  return [describeTokenBriefly(token, now), ...lines.map(([what, value]) => `  ${what.padEnd(9)} ${value}`)]
    .map(safe)
    .join("\n")
}

function stateOf({ revoked, expires }: TokenInfo, now: number): string {
  if (revoked !== null) return "revoked"
  if (expires === null) return "good"
  return expires <= now ? "expired" : `good for ${formatAge(expires - now)}`
}
