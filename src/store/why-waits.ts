/** Why a copy or its content does not go on, in a sentence each, and what would make it. */
import type { StoreServices } from "./services.ts"
import type { Why, WhyCopy, WhyJob, WhyWait } from "./why-face.ts"

type Parts = Pick<StoreServices, "backends" | "runner" | "catalog" | "pool" | "clock">
type Reason = Pick<WhyWait, "reason" | "message"> & Partial<WhyWait>

export function waitsOf(parts: Parts, { copies, checksumJob }: Pick<Why, "copies" | "checksumJob">): WhyWait[] {
  const found = copies.flatMap((copy) => {
    const reason = reasonOf(parts, copy)
    return reason ? [{ backend: copy.backend, next: null, command: null, ...reason }] : []
  })
  if (checksumJob) found.push({ backend: null, next: null, command: null, ...checksumReason(parts, checksumJob) })
  return found
}

function reasonOf(parts: Parts, copy: WhyCopy): Reason | null {
  const { job, backend, state } = copy
  if (job) return ofJob(parts, copy, job)
  if (state === "synced" || !copy.wanted) return null
  const message = `The copy at backend ${backend} is ${state}${because(copy.error)}.`
  return { reason: "unproven", message, command: `stored drift ${backend} --heal` }
}

function ofJob(parts: Parts, copy: WhyCopy, job: WhyJob): Reason {
  const { backend, objectKey } = copy
  const what = copy.wanted ? `The copy at backend ${backend}` : `The delete at backend ${backend}`
  if (job.running) return { reason: "running", message: `${what} is being carried out now.` }
  if (job.status === "parked") {
    const tries = `${job.attempts} ${job.attempts === 1 ? "try" : "tries"}`
    const message = `${what} was given up after ${tries}${because(job.error)}.`
    return { reason: "parked", message, command: `stored sync-retry --backend ${backend} --key ${quoted(objectKey)}` }
  }
  return ofBackend(parts, backend) ?? ofTries(parts, what, job)
}

/** What holds up every job of a backend. */
function ofBackend({ backends, runner, catalog }: Parts, name: string): Reason | null {
  const record = catalog.backends().find((each) => each.name === name)
  if (record?.paused !== undefined) {
    const message = `Backend ${name} is paused since ${new Date(record.paused).toISOString()}.`
    return { reason: "paused", message, command: `stored backends resume ${name}` }
  }
  if (!backends.has(name)) return { reason: "unavailable", message: `There is no backend ${name} any more.` }
  const { fault } = backends.get(name)
  const command = `stored backends test ${name}`
  if (fault) return { reason: "unavailable", message: `Backend ${name} cannot be opened${because(fault)}.`, command }
  if (runner.breakerOf(name) === "closed") return null
  const next = runner.retryAtOf(name)
  const message =
    runner.heldUntilOf(name) === null
      ? `Backend ${name} keeps failing, and is asked by one job at a time until it answers.`
      : `Backend ${name} asked to be left alone for a while.`
  return { reason: "breaker", message, next, command }
}

function ofTries({ pool, clock }: Parts, what: string, { attempts, dueAt, error }: WhyJob): Reason {
  if (dueAt > clock.now()) {
    const message = `${what} has failed ${attempts === 1 ? "once" : `${attempts} times`}${because(error)}.`
    return { reason: "retry", message, next: dueAt }
  }
  if (pool && !pool.isConnected) return { reason: "no-worker", message: `${what} waits for Redis, which is away.` }
  if (pool && !pool.workers().some(({ alive }) => alive)) {
    return { reason: "no-worker", message: `${what} waits for a worker: none is there.`, command: "npm run worker" }
  }
  return { reason: "queued", message: `${what} waits for its turn.` }
}

function checksumReason({ clock }: Parts, { status, error, dueAt, attempts, running }: WhyJob): Reason {
  const what = "Further checksums of its content"
  if (running) return { reason: "running", message: `${what} are being computed now.` }
  if (status === "parked") {
    const message = `${what} were given up after ${attempts} tries${because(error)}.`
    return { reason: "parked", message, command: "stored sync-retry --failed" }
  }
  if (dueAt > clock.now())
    return { reason: "retry", message: `${what} wait for another try${because(error)}.`, next: dueAt }
  return { reason: "queued", message: `${what} wait for their turn.` }
}

/** The sentence of an error as the end of another one. */
function because(error: { message: string } | null): string {
  return error ? `: ${error.message.replace(/[.\s]+$/, "")}` : ""
}

/** A key as one word of a shell. */
function quoted(key: string): string {
  return /^[\w@%+=:,./-]+$/.test(key) ? key : `'${key.replaceAll("'", "'\\''")}'`
}
