/** Tells what a validation has found: events of single objects, work for the runner, places for the looks. */
import { syncQueue } from "../../../queues/job.ts"
import type { ValidatedCommit } from "../../catalog/validation.ts"
import type { ValidationKind } from "../../catalog/validation-record.ts"
import type { StoreEvents } from "../../core/event.ts"
import type { StoreServices } from "../services.ts"

export function tellFacts(services: StoreServices, backend: string, { facts, nudge, looks }: ValidatedCommit): void {
  const { bus, clock, runner, scans } = services
  const time = clock.now()
  for (const { command, sequence, key, id, detail } of facts) {
    if (command === "moved")
      bus.publish("move", sequence, time, { checksum: id!, key, backend, from: String(detail.from) })
    else {
      const state = detail.state as "missing" | "corrupt"
      bus.publish("drift", sequence, time, { checksum: id!, key, backend, state })
    }
  }
  if (nudge) runner.nudge(syncQueue(backend))
  if (looks) scans.nudge(backend)
}

export function tellState(
  { bus, catalog, clock }: Pick<StoreServices, "bus" | "catalog" | "clock">,
  name: string,
  kind: ValidationKind,
  state: StoreEvents["validate"]["state"],
): void {
  bus.publish("validate", catalog.lastSequence(), clock.now(), { backend: name, kind, state })
}
