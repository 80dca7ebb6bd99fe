/**
 * The validations of all places: asked for, paused, ended by people, begun by themselves when it is time (rolling), gone on with after a restart. The catalog keeps
 * how far each has come; here is only who works on it. One process owns the catalog, so there is one walk a place.
 */

import type { ValidationStep } from "../../catalog/validation.ts"
import { STAGING_PLACE, type ValidationRecord } from "../../catalog/validation-record.ts"
import { StoredError, toStoredError } from "../../core/error.ts"
import { compilePattern } from "../../core/pattern.ts"
import { type ValidateRules, validateRules } from "../../core/validate-settings.ts"
import type { RegisteredBackend } from "../backend-set.ts"
import { isPaused } from "../is-paused.ts"
import type { StoreServices } from "../services.ts"
import type { ValidateOptions, ValidateStatus } from "../validate-face.ts"
import { BackendCopies } from "./backend-copies.ts"
import { isLate } from "./pace.ts"
import type { ValidatedPlace, ValidateParts } from "./place.ts"
import { randomSeed } from "./sample.ts"
import { StagedCopies } from "./staged-copies.ts"
import { tellState } from "./tell.ts"
import { Validation } from "./validation.ts"

/** How people call staging among the places, where no backend has that name. */
export const STAGING = "staging"

const STATES = { pause: "paused", cancel: "cancelled" } as const

export class Validations {
  readonly #parts: () => ValidateParts
  readonly #taken = new Map<string, { validation: Validation; control: AbortController }>()

  constructor(parts: () => ValidateParts) {
    this.#parts = parts
  }

  /** Takes a backend into care: goes on with what was under way. */
  begin(registered: RegisteredBackend): void {
    const { name, locked } = registered
    if (locked) return
    const parts = this.#parts()
    const { catalog } = parts.services
    const rules = this.#rules(registered)
    this.#take({
      ...parts,
      name,
      place: name,
      rules,
      copies: new BackendCopies(parts, name, rules.mode),
      requireWorkedOn: () => requireResumed(parts.services, name),
      since: catalog.backends().find((record) => record.name === name)?.created ?? parts.services.clock.now(),
    })
  }

  beginStaging(): void {
    const parts = this.#parts()
    const { catalog, clock, config } = parts.services
    const [first] = catalog.journal({ after: 0, limit: 1 })
    this.#take({
      ...parts,
      name: STAGING,
      place: STAGING_PLACE,
      rules: validateRules({ ...(config.cache.validate && { validate: config.cache.validate }) }, { local: true }),
      copies: new StagedCopies(parts),
      requireWorkedOn: () => {},
      since: first?.time ?? clock.now(),
    })
  }

  #take(place: Omit<ValidatedPlace, "signal">): void {
    if (this.#taken.has(place.place)) return
    const control = new AbortController()
    const signal = AbortSignal.any([control.signal, place.services.lifecycle.signal])
    const validation = new Validation({ ...place, signal })
    this.#taken.set(place.place, { validation, control })
    validation.go()
  }

  /** Leaves a place alone; resolves once nobody reads there any more. */
  async end(place: string): Promise<void> {
    const taken = this.#taken.get(place)
    this.#taken.delete(place)
    taken?.control.abort()
    await taken?.validation.halt()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#taken.keys()].map((place) => this.end(place)))
  }

  /** What it waits for may be there again. */
  nudge(backend: string): void {
    this.#taken.get(backend)?.validation.nudge()
  }

  /** Every place by its name: the backends, and staging. */
  names(): string[] {
    const { backends } = this.#parts().services
    const names = backends.names().filter((name) => !backends.get(name).locked)
    return names.includes(STAGING) ? names : [...names, STAGING]
  }

  /**
   * Begins one; one that is paused goes on, and one that runs does so at the rate that is given.
   * @throws StoredError UNKNOWN_BACKEND; CONFLICT where another one is under way; INVALID_INPUT where staging is to have a prefix or a pattern, and of a pattern that is none
   */
  async start(name: string, options: ValidateOptions = {}): Promise<ValidateStatus> {
    const { services } = this.#parts()
    const place = this.#placeOf(name)
    if (place === STAGING_PLACE && isOfKeys(options))
      throw new StoredError("INVALID_INPUT", "What is staged has no keys; leave prefix and pattern out.")
    if (options.pattern !== undefined) compilePattern(options.pattern)
    const known = services.catalog.validations.get(place, "asked")
    requireSame(known, options)
    const { sample = 1, prefix = "", pattern, seed = randomSeed(), rate = null } = options
    const { time, ...actor } = { time: services.clock.now(), ...actorOf(options) }
    const begin = { sample, prefix, ...(pattern !== undefined && { pattern }), seed, rate }
    await services.catalog.validations.step({ ...actor, place, kind: "asked", step: "start", begin, time })
    if (known.state !== "running") tellState(services, name, "asked", "running")
    const validation = this.#taken.get(place)?.validation
    // The one that begins by itself waits.
    if (known.state !== "running") await validation?.halt()
    validation?.go()
    validation?.nudge()
    return this.status(name)
  }

  /** @throws StoredError UNKNOWN_BACKEND, CONFLICT where none is under way */
  async stop(
    name: string,
    step: Extract<ValidationStep, "pause" | "cancel">,
    options: ValidateOptions = {},
  ): Promise<ValidateStatus> {
    const { services } = this.#parts()
    const place = this.#placeOf(name)
    await services.catalog.validations.step({
      ...actorOf(options),
      place,
      kind: "asked",
      step,
      time: services.clock.now(),
    })
    const validation = this.#taken.get(place)?.validation
    await validation?.halt()
    validation?.go()
    tellState(services, name, "asked", STATES[step])
    return this.status(name)
  }

  /** Begins those whose time has come. */
  async audit(): Promise<void> {
    for (const { validation } of this.#taken.values()) await this.#audit(validation)
  }

  async #audit(validation: Validation): Promise<void> {
    const { services, name, place, rules, since } = validation.place
    const { catalog, clock, log } = services
    try {
      const { state, started, number } = catalog.validations.get(place, "rolling")
      const isDue = rules.every !== null && clock.now() - (number === 0 ? since : started) >= rules.every
      if (!isDue || state === "running") return
      const begin = { sample: rules.sample, seed: randomSeed(), prefix: "", rate: null }
      await catalog.validations.step({ place, kind: "rolling", step: "start", begin, time: clock.now() })
      tellState(services, name, "rolling", "running")
      validation.go()
    } catch (error) {
      log.warn(
        { backend: name, error: toStoredError(error).toJSON() },
        "a validation could not begin; it will be tried again",
      )
    }
  }

  /** @throws StoredError UNKNOWN_BACKEND */
  status(name: string): ValidateStatus {
    const { services } = this.#parts()
    const place = this.#placeOf(name)
    const validation = this.#taken.get(place)?.validation
    const { place: _, kind: __, ...asked } = services.catalog.validations.get(place, "asked")
    const { place: ___, kind: ____, ...rolling } = services.catalog.validations.get(place, "rolling")
    const rules = validation?.place.rules
    const every = rules?.every ?? null
    const begin = rolling.number === 0 ? (validation?.place.since ?? 0) : rolling.started
    return {
      backend: name,
      ...asked,
      waiting: validation?.waiting ?? null,
      validAsOf: Math.max(asked.validAsOf ?? 0, rolling.validAsOf ?? 0) || null,
      rolling: {
        ...rolling,
        every,
        due: every === null ? null : begin + every,
        late: rules !== undefined && isLate(rules, rolling, services.clock.now()),
      },
    }
  }

  #rules(registered: RegisteredBackend): ValidateRules {
    const settings = registered.settings as Parameters<typeof validateRules>[0]
    return validateRules(settings, registered.backend.capabilities)
  }

  /** @throws StoredError UNKNOWN_BACKEND */
  #placeOf(name: string): string {
    const { backends } = this.#parts().services
    return name === STAGING && !backends.has(name) ? STAGING_PLACE : backends.get(name).name
  }
}

function requireResumed({ catalog }: StoreServices, name: string): void {
  if (!isPaused(catalog, name)) return
  throw new StoredError(
    "BACKEND_UNAVAILABLE",
    `Backend "${name}" is paused; its copies are read again once it is resumed.`,
    {
      retryable: true,
      details: { backend: name },
    },
  )
}

/** Whether it is about copies with certain keys. */
export function isOfKeys({ prefix, pattern }: ValidateOptions): boolean {
  return Boolean(prefix) || pattern !== undefined
}

/** One that is under way, or paused, cannot become another one. */
function requireSame(known: ValidationRecord, options: ValidateOptions): void {
  if (known.state !== "running" && known.state !== "paused") return
  for (const name of ["sample", "prefix", "pattern", "seed", "rate"] as const) {
    const asked = options[name]
    if (asked === undefined || asked === known[name]) continue
    throw new StoredError(
      "CONFLICT",
      `Another validation is ${known.state}, with ${name} ${JSON.stringify(known[name] ?? null)}: wait for it, go on with it without options, or cancel it first.`,
      { details: { state: known.state, [name]: known[name] ?? null } },
    )
  }
}

function actorOf({ principal, requestId }: ValidateOptions): { principal?: string; requestId?: string } {
  return { ...(principal !== undefined && { principal }), ...(requestId !== undefined && { requestId }) }
}
