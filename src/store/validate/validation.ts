/** The validation of one place: at most one walk at a time; one that somebody asked for goes before the one that begins by itself. */
import { setTimeout as sleep } from "node:timers/promises"
import type { ValidationRecord } from "../../catalog/validation-record.ts"
import { isStoredError, type SerializedError, toStoredError } from "../../core/error.ts"
import type { ValidatedPlace } from "./place.ts"
import { tellState } from "./tell.ts"
import { walk } from "./walk.ts"

/** ms before a walk that met a passing fault goes on, doubled each time */
const FIRST_DELAY = 1_000
const MOST_DELAY = 60_000

export class Validation {
  readonly place: ValidatedPlace
  #walking: { control: AbortController; ended: Promise<void> } | null = null
  #waiting: SerializedError | null = null
  #wake = Promise.withResolvers<void>()

  constructor(place: ValidatedPlace) {
    this.place = place
  }

  /** Why it does not go on now; it does by itself as soon as it can. Null: it goes on, or there is nothing to do. */
  get waiting(): SerializedError | null {
    return this.#waiting
  }

  /** Goes on with what the catalog says is under way. */
  go(): void {
    if (this.#walking || this.place.signal.aborted || !this.#next()) return
    const control = new AbortController()
    const signal = AbortSignal.any([control.signal, this.place.signal])
    const ended = this.#run(signal).finally(() => {
      this.#waiting = null
      if (this.#walking?.control === control) this.#walking = null
    })
    this.#walking = { control, ended }
  }

  /** What it waits for may be there again. */
  nudge(): void {
    this.#wake.resolve()
  }

  /** Ends the walk where it is. */
  async halt(): Promise<void> {
    const walking = this.#walking
    walking?.control.abort()
    await walking?.ended
  }

  #next(): ValidationRecord | null {
    const { services, place, rules } = this.place
    const asked = services.catalog.validations.get(place, "asked")
    if (asked.state === "running") return asked
    const rolling = services.catalog.validations.get(place, "rolling")
    return rolling.state === "running" && rules.every !== null ? rolling : null
  }

  async #run(signal: AbortSignal): Promise<void> {
    let delay = FIRST_DELAY
    for (let record = this.#next(); record && !signal.aborted; record = this.#next()) {
      try {
        this.place.requireWorkedOn()
        await walk(this.place, record, signal, ({ kind, state }) => {
          this.#waiting = null
          delay = FIRST_DELAY
          if (state === "done") tellState(this.place.services, this.place.name, kind, "done")
        })
      } catch (error) {
        if (signal.aborted || !(await this.#waits(error, record))) continue
        await this.#sleep(delay, signal)
        delay = Math.min(delay * 2, MOST_DELAY)
      }
    }
  }

  /** Whether it is worth another try; otherwise the validation has failed. */
  async #waits(error: unknown, { kind, number }: ValidationRecord): Promise<boolean> {
    const { services, name } = this.place
    const fault = toStoredError(error)
    services.log.warn({ backend: name, validation: number, error: fault.toJSON() }, "a validation was interrupted")
    if (fault.code === "COMMIT_UNKNOWN") services.lifecycle.fail(fault)
    if (fault.retryable) {
      this.#waiting = fault.toJSON()
      return true
    }
    return this.#fail(kind, fault.toJSON())
  }

  async #fail(kind: ValidationRecord["kind"], error: SerializedError): Promise<boolean> {
    const { services, name, place } = this.place
    try {
      await services.catalog.validations.step({ place, kind, step: "fail", error, time: services.clock.now() })
      tellState(services, name, kind, "failed")
      return false
    } catch (failure) {
      // It was ended by somebody else in the meantime.
      if (isStoredError(failure) && failure.code === "CONFLICT") return false
      services.log.warn(
        { backend: name, error: toStoredError(failure).toJSON() },
        "a failed validation could not be marked",
      )
      return true
    }
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.#wake = Promise.withResolvers()
    const over = new AbortController()
    const ended = sleep(ms, undefined, { signal: AbortSignal.any([signal, over.signal]) }).catch(() => {})
    await Promise.race([ended, this.#wake.promise])
    over.abort()
  }
}
