/** What of a validation a person wants to see beside everything else: of the one that is under way, or else of the last. */
import type { BackendValidation, ValidateStatus } from "../validate-face.ts"

/** Null: there was none. */
export function briefly({ rolling, validAsOf, ...asked }: ValidateStatus): BackendValidation | null {
  if (asked.number === 0 && rolling.number === 0) return null
  const isOpen = asked.state === "running" || asked.state === "paused"
  const isRolling = !isOpen && (rolling.state === "running" || rolling.modified > asked.modified)
  const { state, plan, copies, corrupt, missing, unreadable } = isRolling ? rolling : asked
  return {
    state,
    rolling: isRolling,
    copies,
    chosen: plan?.chosen ?? null,
    corrupt,
    missing,
    unreadable,
    late: rolling.late,
    validAsOf,
  }
}
