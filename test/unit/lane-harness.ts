/** A lane of the embedded runner over a plain list of rows. */
import { Breaker } from "../../queues/breaker.ts"
import { Gate } from "../../queues/gate.ts"
import { Lane, type LaneServices } from "../../queues/lane.ts"
import { DEFAULT_RETRY_POLICY } from "../../queues/retry-policy.ts"
import type { Outcome, OutcomeCommit } from "../../src/catalog/catalog.ts"
import type { OutboxRecord } from "../../src/catalog/record.ts"
import type { RateLimit } from "../../src/core/rate-limit.ts"

/** A due row of the queue `sync-b`. */
export function row(key: string, sequence: number, dueAt = 0): OutboxRecord {
  const payload = { kind: "sync" as const, backend: "b", key, generation: 1 }
  return { sequence, queue: "sync-b", status: "due", dueAt, payload, attempts: 0, created: 0, modified: 0, error: null }
}

/** A queue of rows, a clock that stands still, and a lane over them. */
export function makeLane(options: {
  commitFault?: () => Error | null
  concurrency?: number
  threshold?: number
  rateLimit?: RateLimit
  deadline?: number
  run: LaneServices["run"]
  settled?(outcome: Outcome): unknown
}) {
  const rows: OutboxRecord[] = []
  const outcomes: Outcome[] = []
  const faults: string[] = []
  const clock = { time: 1_000, now: () => clock.time }
  let drained = (): void => {}
  const services: LaneServices = {
    catalog: {
      due: (_queue, { now, limit }) =>
        rows
          .filter((r) => r.dueAt <= now)
          .sort((a, b) => a.dueAt - b.dueAt || a.sequence - b.sequence)
          .slice(0, limit),
      commitOutcomes: async (batch) => {
        const fault = options.commitFault?.()
        if (fault) throw fault
        return batch.map((outcome) => settle(outcome))
      },
    },
    clock,
    policy: { ...DEFAULT_RETRY_POLICY, baseDelay: 100, maxAttempts: 3 },
    random: () => 0.5,
    run: options.run,
    deadline: () => options.deadline ?? 60_000,
    settled: (_row, outcome) => void options.settled?.(outcome),
    fault: (error) => {
      if (!options.commitFault) throw error
      faults.push(error.code)
    },
    drained: () => drained(),
  }
  const settle = (outcome: Outcome): OutcomeCommit => {
    outcomes.push(outcome)
    if (outcome.kind !== "sync") throw new Error("only syncs here")
    const index = rows.findIndex((r) => r.payload.kind === "sync" && r.payload.key === outcome.key)
    const { result } = outcome
    if (result.type === "retry")
      Object.assign(rows[index]!, {
        dueAt: result.dueAt,
        attempts: rows[index]!.attempts + (result.countAttempt ? 1 : 0),
      })
    else if (result.type !== "late") rows.splice(index, 1)
    return { status: "applied", sequence: 1 }
  }
  const breaker = new Breaker({ threshold: options.threshold ?? 50, pause: 1_000, maxPause: 8_000 }, () => {})
  const gate = new Gate({ breaker, rateLimit: options.rateLimit ?? null, paused: false })
  const lane = new Lane("sync-b", options.concurrency ?? 2, { breaker, gate }, services)
  /** Nudges and waits until nothing runs any more. */
  const drain = (): Promise<void> =>
    new Promise((resolve) => {
      drained = resolve
      lane.nudge()
    })
  return { lane, rows, outcomes, faults, clock, drain, breaker }
}

/** What comes of a row that is done. */
export const done = (r: OutboxRecord): Outcome => {
  if (r.payload.kind !== "sync") throw new Error("only syncs here")
  const verified = { at: 0, by: "checksum" as const }
  return { ...r.payload, result: { type: "done", have: null, verified, seen: null } }
}
