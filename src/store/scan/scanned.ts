/** One backend that is scanned and looked at: at most one walk at a time, and the looks beside it. */
import { setTimeout as sleep } from "node:timers/promises"
import type { ScanRecord } from "../../catalog/record.ts"
import { isStoredError, type SerializedError, toStoredError } from "../../core/error.ts"
import { isPaused } from "../is-paused.ts"
import type { ScanStatus, ScanWait } from "../scan-face.ts"
import { Looks } from "./looks.ts"
import type { ScannedBackend } from "./scan-parts.ts"
import { walk } from "./walk.ts"

/** ms before a walk that met a passing fault goes on, doubled each time */
const FIRST_DELAY = 1_000
const MOST_DELAY = 60_000

export class Scanned {
  readonly parts: ScannedBackend
  readonly looks: Looks
  readonly #looking: Promise<void>
  #walking: { control: AbortController; ended: Promise<void> } | null = null
  /** what the walk met last. UTC ms */
  #fault: (SerializedError & { at: number }) | null = null

  constructor(parts: ScannedBackend) {
    this.parts = parts
    this.looks = new Looks(parts)
    this.#looking = this.looks.run()
  }

  /** What is known of it beyond what the catalog keeps. */
  report(): Pick<ScanStatus, "reading" | "changing" | "waits"> {
    const { looks } = this
    return { reading: looks.reading, changing: looks.changing, waits: this.#waits() }
  }

  #waits(): ScanWait | null {
    const { services, name, budget } = this.parts
    const { state, looks, modified } = services.catalog.scan(name)
    // A page since then says that it goes on.
    const fault = this.#fault && this.#fault.at >= modified ? this.#fault : this.looks.fault
    if (isPaused(services.catalog, name) && (state === "running" || looks > 0))
      return { code: "PAUSED", message: `Backend "${name}" is paused; it goes on once it is resumed.` }
    if (fault) return { code: fault.code, message: fault.message }
    const closed = looks > 0 ? budget.untilOpen() : 0
    if (closed === 0) return null
    const begin = new Date(services.clock.now() + closed).toISOString()
    return { code: "OUT_OF_HOURS", message: `"scan.between" lets nothing be read before ${begin}.` }
  }

  /** Goes on with the scan that the catalog says is under way. */
  walk({ force = false } = {}): void {
    const { services, name, signal } = this.parts
    const walking = this.#walking
    // It is being halted, and is to go on all the same.
    if (walking?.control.signal.aborted) void walking.ended.then(() => this.walk({ force }))
    if (walking || signal.aborted || isPaused(services.catalog, name)) return
    const control = new AbortController()
    const ended = this.#run(control, force).finally(() => {
      if (this.#walking?.control === control) this.#walking = null
      this.#fault = null
      this.looks.nudge()
    })
    this.#walking = { control, ended }
  }

  /** Resolves once no walk is under way. */
  async rest(): Promise<void> {
    await this.#walking?.ended
  }

  /** Ends walk and looks where they are; what is to be done before they may go on is done then. */
  async halt(work?: () => Promise<void>): Promise<void> {
    await Promise.all([this.#haltWalk(), this.looks.still(work)])
  }

  /** Goes on with whatever is under way. */
  goOn(options: { force?: boolean } = {}): void {
    if (this.parts.services.catalog.scan(this.parts.name).state === "running") this.walk(options)
    this.looks.nudge()
  }

  /** Resolves once nothing is done any more; the signal of the parts has fired. */
  async end(): Promise<void> {
    await this.#haltWalk()
    await this.#looking
  }

  async #haltWalk(): Promise<void> {
    const walking = this.#walking
    walking?.control.abort()
    await walking?.ended
  }

  async #run(control: AbortController, force: boolean): Promise<void> {
    const { services, name } = this.parts
    const signal = AbortSignal.any([control.signal, this.parts.signal])
    for (let delay = FIRST_DELAY; ; delay = Math.min(delay * 2, MOST_DELAY)) {
      const scan = services.catalog.scan(name)
      if (scan.state !== "running" || signal.aborted) return
      try {
        const backend = await services.backends.opened(name)
        await walk({ ...this.parts, backend, signal }, scan, { force })
        this.#tell("done")
        return
      } catch (error) {
        if (signal.aborted) return
        if (!(await this.#goesOn(error, scan))) return
        this.#fault = { ...toStoredError(error).toJSON(), at: services.clock.now() }
      }
      await sleep(delay, undefined, { signal }).catch(() => {})
    }
  }

  /** Whether it is worth another try; otherwise the scan has failed. */
  async #goesOn(error: unknown, scan: ScanRecord): Promise<boolean> {
    const { services, name } = this.parts
    const fault = toStoredError(error)
    services.log.warn({ backend: name, scan: scan.number, error: fault.toJSON() }, "a scan was interrupted")
    if (fault.code === "COMMIT_UNKNOWN") services.lifecycle.fail(fault)
    if (fault.retryable) return true
    try {
      await services.catalog.commitScan({
        backend: name,
        step: "fail",
        error: fault.toJSON(),
        time: services.clock.now(),
      })
      this.#tell("failed")
    } catch (failure) {
      // It was ended by somebody else in the meantime.
      if (!isStoredError(failure) || failure.code !== "CONFLICT")
        services.log.warn(
          { backend: name, error: toStoredError(failure).toJSON() },
          "a failed scan could not be marked",
        )
    }
    return false
  }

  #tell(state: "done" | "failed"): void {
    const { services, name } = this.parts
    services.bus.publish("scan", services.catalog.lastSequence(), services.clock.now(), { backend: name, state })
  }
}
