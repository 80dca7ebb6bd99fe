/**
 * The scans of all backends: begun, paused, ended by people, begun by themselves when it is time (audits), gone on with after a restart. The catalog keeps how far
 * each has come; here is only who works on it. One process owns the catalog, so there is one walk and one watch a backend, however many workers there are.
 */
import type { ScanRecord } from "../../catalog/record.ts"
import type { ScanStep } from "../../catalog/transitions/found/scan.ts"
import { toStoredError } from "../../core/error.ts"
import { type ScanRules, scanRules } from "../../core/scan-settings.ts"
import type { RegisteredBackend } from "../backend-set.ts"
import { isPaused } from "../is-paused.ts"
import type { ScanOptions, ScanStatus } from "../scan-face.ts"
import { isAuditDue } from "./audit-time.ts"
import { Budget } from "./budget.ts"
import { GoneFiles } from "./gone-files.ts"
import { isHeld } from "./is-held.ts"
import { isPassedOver } from "./passed-over.ts"
import { ignoring } from "./patterns.ts"
import type { ScannedBackend, ScanParts } from "./scan-parts.ts"
import { Scanned } from "./scanned.ts"

/** ms in which hints of a watch are gathered */
const GATHER = 100
/** ms between two audits while the watch does not run */
const DEAF_EVERY = 3_600_000

export class Scans {
  readonly #parts: () => ScanParts
  /** `begun`: since when it is in care, UTC ms */
  readonly #scanned = new Map<string, { scanned: Scanned; control: AbortController; begun: number }>()
  readonly #hints = new Map<string, Set<string>>()
  #gathering: NodeJS.Timeout | null = null

  constructor(parts: () => ScanParts) {
    this.#parts = parts
  }

  /** Takes a backend into care: goes on with what was under way, and begins where it is time. */
  begin(registered: RegisteredBackend): void {
    const { name, locked } = registered
    if (locked || this.#scanned.has(name)) return
    const { services, hashFiles } = this.#parts()
    const control = new AbortController()
    const rules = this.rules(registered)
    const parts: ScannedBackend = {
      services,
      hashFiles,
      name,
      rules,
      isIgnored: ignoring(rules.ignore),
      gone: new GoneFiles(),
      budget: new Budget(rules, services.clock, services.timer),
      backend: registered.backend,
      signal: AbortSignal.any([control.signal, services.lifecycle.signal]),
    }
    const scanned = new Scanned(parts)
    const entry = { scanned, control, begun: services.clock.now() }
    this.#scanned.set(name, entry)
    if (services.catalog.scan(name).state === "running") scanned.walk()
    else void this.#audit(entry)
  }

  /** Leaves a backend alone; resolves once nobody looks at it any more. */
  async end(name: string): Promise<void> {
    const entry = this.#scanned.get(name)
    this.#scanned.delete(name)
    this.#hints.delete(name)
    entry?.control.abort()
    await entry?.scanned.end()
  }

  async close(): Promise<void> {
    if (this.#gathering) clearTimeout(this.#gathering)
    this.#gathering = null
    await Promise.all([...this.#scanned.keys()].map((name) => this.end(name)))
  }

  rules(registered: RegisteredBackend): ScanRules {
    const settings = registered.settings as Parameters<typeof scanRules>[1]
    return scanRules(registered.name, settings, registered.backend.capabilities)
  }

  /** Starts a scan; one that is under way goes on, and a paused one is resumed. */
  start(name: string, options: ScanOptions = {}): Promise<ScanStatus> {
    return this.#start(name, options, { audit: false })
  }

  async #start(
    name: string,
    { hash, force = false, ...actor }: ScanOptions,
    { audit }: { audit: boolean },
  ): Promise<ScanStatus> {
    const { services } = this.#parts()
    const registered = services.backends.get(name)
    await services.backends.opened(name)
    const known = services.catalog.scan(name)
    const { state: before, audit: wasAudit = false } = known
    const givesWay = wasAudit && !audit
    if (givesWay) await this.#scanned.get(name)?.scanned.halt()
    await services.catalog.commitScan({
      ...actorOf(actor),
      backend: name,
      step: before === "paused" && !givesWay ? "resume" : "start",
      hash: audit ? false : (hash ?? (this.rules(registered).hash || isAskedFor(known))),
      audit,
      time: services.clock.now(),
    })
    const status = this.status(name)
    if (before !== "running") this.#publish(name, status.state === "done" ? "done" : "running")
    this.#scanned.get(name)?.scanned.goOn({ force })
    return status
  }

  /** @throws StoredError CONFLICT where no scan is under way */
  async stop(name: string, step: Extract<ScanStep, "pause" | "cancel">, actor: ScanOptions = {}): Promise<ScanStatus> {
    const { services } = this.#parts()
    services.backends.get(name)
    await services.catalog.commitScan({ ...actorOf(actor), backend: name, step, time: services.clock.now() })
    await this.#scanned.get(name)?.scanned.halt(step === "cancel" ? () => this.#forsake(name) : undefined)
    this.#publish(name, step === "pause" ? "paused" : "cancelled")
    return this.status(name)
  }

  /** Nothing of a backend is listed or read until `goOn`; resolves once nothing is. The catalog says already that it is paused. */
  async hold(name: string): Promise<void> {
    await this.#scanned.get(name)?.scanned.halt()
  }

  goOn(name: string): void {
    this.#scanned.get(name)?.scanned.goOn()
  }

  async #forsake(name: string): Promise<void> {
    const { catalog, clock } = this.#parts().services
    const forsake = () => catalog.commitScan({ backend: name, step: "forsake", time: clock.now() })
    while ((await forsake()).looks > 0);
  }

  /** Whether a place is none of a scan's business, because a pattern passes it over. */
  isPassedOver(name: string, key: string): boolean {
    const parts = this.#scanned.get(name)?.scanned.parts
    return parts !== undefined && isPassedOver(parts, key, parts.services.catalog.location(name, key))
  }

  /** How far it is, as the catalog keeps it and as it is just now. @throws StoredError UNKNOWN_BACKEND */
  status(name: string): ScanStatus {
    const { services } = this.#parts()
    const scan = services.catalog.scan(services.backends.get(name).name)
    const report = this.#scanned.get(name)?.scanned.report()
    return { ...scan, ...(report ?? { reading: 0, changing: 0, waits: null }) }
  }

  /** Whether a place is left alone because somebody writes to it. */
  isChanging(name: string, key: string): boolean {
    return this.#scanned.get(name)?.scanned.looks.isChanging(key) ?? false
  }

  /** Somebody may have changed something there. */
  hint(name: string, key: string): void {
    const keys = this.#hints.get(name) ?? new Set<string>()
    this.#hints.set(name, keys.add(key))
    this.#gathering ??= setTimeout(() => void this.#gather(), GATHER)
  }

  /** There are places to look at now. */
  nudge(name: string, keys: readonly string[] = []): void {
    this.#scanned.get(name)?.scanned.looks.nudge(keys)
  }

  /** A watch has not heard what happened for a while: a whole scan finds it, unless scans are only to be begun by people. */
  async missed(name: string): Promise<void> {
    const scanned = this.#scanned.get(name)?.scanned
    if (!scanned || scanned.parts.rules.every === null) return
    // One that is under way may have been past it before.
    await scanned.rest()
    if (scanned.parts.signal.aborted || isHeld(this.#parts().services.catalog, name)) return
    await this.start(name)
  }

  /** Begins the scans whose time has come. */
  async audit(): Promise<void> {
    for (const entry of this.#scanned.values()) await this.#audit(entry)
  }

  async #audit({ scanned, begun }: { scanned: Scanned; begun: number }): Promise<void> {
    const { services, name, rules } = scanned.parts
    try {
      const { state } = services.catalog.scan(name)
      const isDue = rules.adopts ? this.#isScanDue(scanned.parts) : this.#isAuditDue(scanned.parts, begun)
      if (!isDue || state === "running" || isHeld(services.catalog, name)) return
      await this.#start(name, {}, { audit: !rules.adopts })
    } catch (error) {
      services.log.warn(
        { backend: name, error: toStoredError(error).toJSON() },
        "an audit could not begin; it will be tried again",
      )
    }
  }

  #isScanDue({ services, name, rules: { every } }: ScannedBackend): boolean {
    if (every === null) return false
    const isDeaf = services.backends.get(name).watch.now?.state === "failed"
    return services.clock.now() - services.catalog.scan(name).started >= (isDeaf ? Math.min(every, DEAF_EVERY) : every)
  }

  #isAuditDue({ services, name, rules: { every } }: ScannedBackend, begun: number): boolean {
    const { catalog, clock } = services
    if (every === null || isPaused(catalog, name)) return false
    const created = catalog.backends().find((record) => record.name === name)?.created ?? begun
    return isAuditDue({ name, started: catalog.scan(name).started, created, begun, now: clock.now(), every })
  }

  async #gather(): Promise<void> {
    this.#gathering = null
    const hints = [...this.#hints]
    this.#hints.clear()
    const { services } = this.#parts()
    for (const [name, keys] of hints) {
      if (!this.#scanned.has(name)) continue
      try {
        await services.catalog.commitLooks(name, [...keys])
        this.#scanned.get(name)?.scanned.looks.nudge([...keys])
      } catch (error) {
        // The audit sees it all the same.
        services.log.warn(
          { backend: name, keys: keys.size, error: toStoredError(error).toJSON() },
          "hints of a watch were lost",
        )
      }
    }
  }

  #publish(backend: string, state: "running" | "paused" | "cancelled" | "done"): void {
    const { services } = this.#parts()
    services.bus.publish("scan", services.catalog.lastSequence(), services.clock.now(), { backend, state })
  }
}

/** A scan that begins while another one's content is still to be read, which somebody wanted, does not end that. */
function isAskedFor({ hash, looks }: ScanRecord): boolean {
  return hash && looks > 0
}

function actorOf({ principal, requestId }: ScanOptions): { principal?: string; requestId?: string } {
  return { ...(principal !== undefined && { principal }), ...(requestId !== undefined && { requestId }) }
}
