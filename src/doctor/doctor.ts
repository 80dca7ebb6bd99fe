/**
 * `stored doctor`: checks every invariant that exists so far, catalog against itself, staging, backends, journal and outbox. With `repair` it
 * mends what has a good copy, waits for the jobs that this takes, and looks again: the report tells how things stand after that.
 */
import { isSynced } from "../store/reference.ts"
import type { StoreServices } from "../store/services.ts"
import type { Store } from "../store/store.ts"
import { checkLeftovers } from "./check-leftovers.ts"
import { checkLocations } from "./check-locations.ts"
import { checkStaging } from "./check-staging.ts"
import type { Checked, DoctorReport, Finding } from "./finding.ts"

export interface DoctorOptions {
  repair?: boolean
  signal?: AbortSignal
  /** told of each finding as it is made, the first look's and the second's */
  onFinding?(finding: Finding): void
}

/** Examines an open store that nobody else uses and, with `repair`, treats it; its runner must be at work for that. */
export async function treat(
  opened: { store: Store; services: StoreServices },
  options: DoctorOptions = {},
): Promise<DoctorReport> {
  const { store, services } = opened
  // Jobs that are under way change what is being looked at.
  if (options.repair) await store.idle({ signal: options.signal })
  const first = await examine(services, options)
  const treated = first.findings.filter((finding) => finding.repair !== null)
  if (!options.repair || treated.length === 0) return first
  services.runner.nudgeAll()
  await store.idle({ signal: options.signal })
  const second = await examine(services, { ...options, repair: false })
  const findings = [...second.findings, ...treated.filter((finding) => isUnmended(services, finding)).map(unmended)]
  const open = new Set(findings.map((finding) => finding.subject))
  return {
    ...second,
    findings,
    clean: findings.every((finding) => finding.severity === "note"),
    repaired: treated.filter((finding) => !open.has(finding.subject)).length,
  }
}

/** A copy that was put back to work, but whose job did not get there. */
function isUnmended(services: StoreServices, finding: Finding): boolean {
  if (finding.invariant !== "I4") return false
  const slash = finding.subject.indexOf("/")
  const location = services.catalog.location(finding.subject.slice(0, slash), finding.subject.slice(slash + 1))
  return location !== null && location.want !== null && !isSynced(location)
}

function unmended(finding: Finding): Finding {
  return { ...finding, message: `${finding.message} It could not be mended.`, repair: null }
}

/** One look at an open store. */
export async function examine(services: StoreServices, options: DoctorOptions = {}): Promise<DoctorReport> {
  const signal = options.signal ?? services.lifecycle.signal
  const counters = services.catalog.counters()
  const checked: Checked = {
    blobs: 0,
    contentFiles: 0,
    locations: 0,
    objects: counters.objects,
    journal: counters.journal,
  }
  const findings: Finding[] = []
  const { repair = false } = options
  const leftovers = await Array.fromAsync(services.staging.leftovers())
  const looks = [
    checkCatalog(services),
    checkStaging(services, checked, repair, signal),
    checkLocations(services, checked, repair, signal),
    checkLeftovers(services, leftovers, repair),
  ]
  for (const look of looks) {
    for await (const finding of look) {
      findings.push(finding)
      options.onFinding?.(finding)
    }
  }
  return { clean: findings.every((finding) => finding.severity === "note"), findings, repaired: 0, checked }
}

async function* checkCatalog(services: StoreServices): AsyncGenerator<Finding> {
  for await (const fault of services.catalog.verify()) {
    yield { ...fault, severity: "fault", repair: null }
  }
  const { parked } = services.catalog.counters()
  if (parked > 0) {
    const message = `${parked} jobs were given up after their last try; see what failed and retry them.`
    yield { invariant: "I5", severity: "note", subject: "outbox", message, repair: null }
  }
}
