/** Waits for a validation and shows how far it is. */
import { setTimeout as sleep } from "node:timers/promises"
import { isStoredError, type SerializedError, StoredError } from "../core/error.ts"
import type { ValidateStatus } from "../store/store.ts"
import type { Access, CommandLine, GlobalOptions } from "./command-line.ts"
import { formatCount, safe } from "./format.ts"
import { startValidateProgress } from "./validate-progress.ts"

const FIRST_LOOK = 10
const LONGEST_LOOK = 250
/** ms for which a server, or a backend, may be away */
const AWAY = 45_000

export interface FollowOptions extends GlobalOptions {
  /** ms for which the backend may be away; for tests */
  patience?: number
}

/**
 * The status once it is over. Where Ctrl-C comes before, one of this process is paused.
 * @throws StoredError ABORTED (Ctrl-C), BACKEND_UNAVAILABLE (it is away for long), and what `access` throws
 */
export async function followValidate(
  line: CommandLine,
  access: Access,
  name: string,
  { json, patience = AWAY }: FollowOptions,
): Promise<ValidateStatus> {
  const progress = startValidateProgress(line, { json })
  let since = performance.now()
  try {
    for (let delay = FIRST_LOOK; ; delay = Math.min(delay * 2, LONGEST_LOOK)) {
      const status = await look(line, access, name)
      if (status.state !== "running") return status
      if (line.signal.aborted) throw await interrupt(access, status)
      if (!status.waiting) since = performance.now()
      else if (performance.now() - since > patience) throw away(status, status.waiting)
      progress?.update(status)
      await pause(delay, line.signal)
    }
  } finally {
    progress?.end()
  }
}

/** @throws StoredError why it has failed; CONFLICT where somebody else has ended it */
export function requireValidated({ backend, state, error }: ValidateStatus): void {
  if (state === "failed" && error)
    throw new StoredError(error.code, error.message, { retryable: error.retryable, details: error.details ?? {} })
  if (state === "done") return
  throw new StoredError("CONFLICT", `The validation of "${backend}" was ${state} by somebody else.`)
}

/** A server that is away for a while is asked again. */
async function look(line: CommandLine, access: Access, name: string): Promise<ValidateStatus> {
  const until = performance.now() + AWAY
  for (;;) {
    try {
      return await access.validateStatus(name)
    } catch (error) {
      const mayPass = isStoredError(error) && error.retryable && performance.now() < until
      if (!mayPass || line.signal.aborted) throw error
    }
    await pause(LONGEST_LOOK, line.signal)
  }
}

async function interrupt(access: Access, { backend }: ValidateStatus): Promise<StoredError> {
  const name = safe(backend)
  if (!access.idle)
    return interrupted(`the validation of ${name} goes on at the server`, `stored validate ${name} --status`)
  const { copies } = await access.pauseValidate(backend)
  return interrupted(
    `the validation of ${name} is paused after ${formatCount(copies)} copies`,
    `stored validate ${name}`,
  )
}

function interrupted(what: string, next: string): StoredError {
  return new StoredError("ABORTED", `Interrupted: ${what}; go on with ${next}.`)
}

function away({ backend }: ValidateStatus, { message }: SerializedError): StoredError {
  return new StoredError(
    "BACKEND_UNAVAILABLE",
    `The validation of "${backend}" waits, and goes on by itself while the store is open: ${message}`,
    { retryable: true, details: { backend } },
  )
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
