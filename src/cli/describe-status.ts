/** A store's status for a person: what there is, who works, what waits for what. */
import type { StoreStatus } from "../store/store.ts"
import { describeScanBriefly } from "./describe-scan.ts"
import { describeValidateBriefly } from "./describe-validate.ts"
import { formatAge, formatBytes, safe } from "./format.ts"

/** The queue of puts by reference. */
const INGEST = "ingest"

/** @param now UTC ms, of this machine */
export function describeStatus(status: StoreStatus, now: number): string {
  const { staging, backends, queues, workers, redis } = status
  const limit = staging.maxSize === null ? "" : ` of ${formatBytes(staging.maxSize)}`
  const lines = [
    `state     ${status.state}`,
    `objects   ${status.objects} (${status.blobs} blobs, ${formatBytes(status.bytes)})`,
    `staging   ${formatBytes(staging.size)}${limit} in ${staging.entries} blobs, ${formatBytes(staging.pinned)} of it pinned`,
    `syncs     ${status.syncsCompleted} done, ${status.syncsFailed} given up`,
  ]
  for (const backend of backends) {
    const marks = [backend.driver, ...(backend.isDefault ? ["default"] : []), backend.state]
    if (backend.breaker !== "closed") marks.push(`breaker ${backend.breaker}`)
    if (backend.paused) marks.push("paused")
    lines.push(
      `backend   ${backend.name} (${marks.join(", ")}): ${backend.pending} waiting, ${backend.failed} given up`,
    )
    if (backend.watch?.state === "failed")
      lines.push(`watch     ${safe(backend.name)} does not run: ${safe(backend.watch.error?.message ?? "")}`)
    if (backend.scan) lines.push(`scan      ${safe(backend.name)}: ${describeScanBriefly(backend.scan, now)}`)
    if (backend.validate)
      lines.push(`validate  ${safe(backend.name)}: ${describeValidateBriefly(backend.validate, now)}`)
  }
  if (status.stagingValidate) lines.push(`validate  staging: ${describeValidateBriefly(status.stagingValidate, now)}`)
  for (const { queue, due, parked, running, oldest } of queues) {
    const age = oldest === null ? "" : `, oldest ${formatAge(now - oldest)}`
    lines.push(`queue     ${queue}: ${due} due, ${running} running, ${parked} given up${age}`)
  }
  if (redis !== null) lines.push(`redis     ${redis}`)
  for (const { host, pid, kinds, backends: names, running, seen, alive } of workers) {
    const work = [...kinds.filter((kind) => kind !== "sync"), ...names].map(safe).join(", ") || "nothing"
    const life = alive ? `${running} running` : `silent for ${formatAge(now - seen)}`
    lines.push(`worker    ${safe(host)} ${pid}: ${life}, works for ${work}`)
  }
  for (const sentence of waits(status)) lines.push(`waits     ${sentence}`)
  return lines.join("\n")
}

/** What keeps jobs from being done, as far as it can be seen. */
function waits({ queues, backends, workers, redis }: StoreStatus): string[] {
  const isDue = queues.some(({ due }) => due > 0)
  const found: string[] = []
  if (redis === "away" && isDue) found.push("for Redis, which is away")
  else if (redis === "ok" && isDue && !workers.some(({ alive }) => alive)) found.push("for a worker: none is there")
  for (const { name, state, breaker, paused, pending } of backends) {
    if (pending === 0) continue
    if (paused) found.push(`for backend ${name} to be resumed, which is paused: ${pending}`)
    else if (state === "unavailable") found.push(`for backend ${name}, which cannot be opened: ${pending}`)
    else if (breaker !== "closed") found.push(`for backend ${name}, which keeps failing: ${pending}`)
  }
  // Whoever asked for a put by reference was told that it failed; there is nothing to retry.
  const parked = queues.reduce((sum, { queue, parked }) => sum + (queue === INGEST ? 0 : parked), 0)
  if (parked > 0) found.push(`for somebody to look, given up after the last try: ${parked}`)
  return found
}
