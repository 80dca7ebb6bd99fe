/** The life of an object for a person. */
import type { JournalRecord } from "../catalog/record.ts"
import type { Why, WhyCopy, WhyWait } from "../store/store.ts"
import { formatAge, formatBytes, formatCount, formatTime, safe } from "./format.ts"

/** @param now UTC ms, of this machine */
export function describeWhy(why: Why, now: number): string {
  const { copies, waits, journal } = why
  const lines = [
    ...nowOf(why),
    ...copies.map((copy) => row("copy", describeCopy(copy, now))),
    ...(waits.length > 0 ? waits.flatMap((wait) => describeWait(wait, now)) : [row("waits", "for nothing")]),
    ...journal.records.map((record) => row("journal", describeRecord(record))),
    row("journal", describeEnd(why)),
  ]
  return lines.join("\n")
}

function row(name: string, value: string): string {
  return `${name.padEnd(9)} ${safe(value)}`
}

function nowOf({ name, object }: Why): string[] {
  if (!object) return [row("key", name), row("state", "there is no such object now")]
  const { key, id, size, version, state, staged, created, modified } = object
  return [
    row("key", key ?? "–"),
    row("id", id),
    row("state", `${state}, version ${version}, ${formatBytes(size)}, ${staged ? "in staging" : "not in staging"}`),
    row("created", formatTime(created)),
    row("modified", formatTime(modified)),
  ]
}

function describeCopy({ backend, key, state, wanted, since, verifiedAt, job }: WhyCopy, now: number): string {
  const parts = [
    `${backend}  ${key}  ${wanted ? state : "to go"} for ${formatAge(now - since)}`,
    ...(verifiedAt === null ? [] : [`proven ${formatTime(verifiedAt)}`]),
    ...(job ? [`job ${job.sequence} ${jobState(job)}, ${job.attempts} tries failed`] : []),
  ]
  return parts.join(", ")
}

function jobState({ running, status }: { running: boolean; status: string }): string {
  if (running) return "is running"
  return status === "parked" ? "was given up" : "is due"
}

function describeWait({ message, next, command }: WhyWait, now: number): string[] {
  const when = next === null ? "" : next <= now ? " It is tried again now." : ` Next try in ${formatAge(next - now)}.`
  return [row("waits", message + when), ...(command === null ? [] : [row("", `  ${command}`)])]
}

function describeRecord({ sequence, time, command, backend, principal, detail }: JournalRecord): string {
  const facts = Object.entries(detail).flatMap(([name, value]) => fact(name, value))
  return [
    `${formatTime(time)}  ${sequence}  ${command}`,
    ...(backend === null ? [] : [backend]),
    ...facts,
    ...(principal === null ? [] : [`by ${principal}`]),
  ].join("  ")
}

/** What is short enough to be read; --json has the rest. */
function fact(name: string, value: unknown): string[] {
  if (name === "error" && typeof value === "object" && value !== null && "message" in value) {
    return [`${String(value.message)} [${"code" in value ? String(value.code) : ""}]`]
  }
  if (typeof value === "number" || typeof value === "boolean") return [`${name} ${value}`]
  return typeof value === "string" && value.length <= 100 ? [`${name} ${value}`] : []
}

function describeEnd({ journal: { looked, from, complete, records } }: Why): string {
  if (complete) return `${formatCount(records.length, "record")}, from the first`
  return `${formatCount(records.length, "record")} among the last ${formatCount(looked)}, back to ${from}; --all looks at all of them`
}
