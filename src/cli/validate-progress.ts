/** The progress of a validation on stderr, only on a terminal: `photos  ██████░░░░ 52 %  1.0 GiB/2.0 GiB  310 MiB/s  4 s left  1 bad`. */
import type { ValidateStatus } from "../store/store.ts"
import type { Terminal } from "./command-line.ts"
import { formatAge, formatBytes, formatCount, safe } from "./format.ts"
import { barOf, clearLine, drawLine } from "./progress.ts"

export interface ValidateProgress {
  update(status: ValidateStatus): void
  /** Takes it away. */
  end(): void
}

/** Null: there is nobody to show it to. */
export function startValidateProgress(
  { stderr }: Pick<Terminal, "stderr">,
  options: { json?: boolean | undefined },
): ValidateProgress | null {
  if (!stderr.isTTY || options.json) return null
  const began = new Map<string, { bytes: number; time: number }>()
  return {
    update: (status) => {
      const { backend, bytes } = status
      const now = performance.now()
      const first = began.get(backend) ?? { bytes, time: now }
      began.set(backend, first)
      const speed = Math.round(((bytes - first.bytes) / Math.max(now - first.time, 1)) * 1000)
      drawLine(stderr, validateLine(status, speed))
    },
    end: () => clearLine(stderr),
  }
}

/** @param speed bytes a second */
export function validateLine(
  { backend, plan, bytes, copies, corrupt, missing, waiting }: ValidateStatus,
  speed: number,
): string {
  if (!plan) return `${safe(backend)}  counting its copies`
  const { chosen, chosenBytes } = plan
  const share = chosenBytes > 0 ? bytes / chosenBytes : chosen > 0 ? copies / chosen : 1
  const parts = [
    safe(backend),
    barOf(Math.min(1, share)),
    `${formatBytes(bytes)}/${formatBytes(chosenBytes)}`,
    `${formatBytes(speed)}/s`,
  ]
  if (speed > 0) parts.push(`${formatAge((Math.max(0, chosenBytes - bytes) / speed) * 1000)} left`)
  if (corrupt + missing > 0) parts.push(`${formatCount(corrupt + missing)} bad`)
  if (waiting) parts.push(`waits: ${safe(waiting.message)}`)
  return parts.join("  ")
}
