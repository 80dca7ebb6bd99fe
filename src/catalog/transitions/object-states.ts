/** The states of an object and what leads from one to another (C10), as data; drawn in docs/states.md. */
import type { ObjectState } from "../../core/metadata.ts"

export type ObjectStateEvent =
  | "drift_detected"
  | "reconciliation_success"
  | "path_not_found"
  | "restore_or_recreate"
  | "command_delete"
  | "purge_confirmed"

export interface ObjectStateEdge {
  from: ObjectState
  event: ObjectStateEvent
  to: ObjectState
}

export const OBJECT_STATE_EDGES: readonly ObjectStateEdge[] = [
  { from: "ACTIVE", event: "drift_detected", to: "INCONSISTENT" },
  { from: "INCONSISTENT", event: "reconciliation_success", to: "ACTIVE" },
  { from: "INCONSISTENT", event: "path_not_found", to: "MISSING" },
  { from: "MISSING", event: "restore_or_recreate", to: "ACTIVE" },
  { from: "ACTIVE", event: "command_delete", to: "DELETED" },
  { from: "INCONSISTENT", event: "command_delete", to: "DELETED" },
  { from: "MISSING", event: "purge_confirmed", to: "DELETED" },
]

/** What an event makes of a state: where no edge leads on, it stays. */
export function nextState(from: ObjectState, event: ObjectStateEvent): ObjectState {
  return OBJECT_STATE_EDGES.find((edge) => edge.from === from && edge.event === event)?.to ?? from
}

/** What was seen of an object's copies. `changed`: one of them is to be read. `missing`: its bytes are nowhere. */
export type ObjectSeen = "whole" | "changed" | "missing"

/** What happens to an object whose copies were seen so, one event after the other. */
export const SEEN_EVENTS: Readonly<Record<ObjectSeen, readonly ObjectStateEvent[]>> = {
  whole: ["reconciliation_success", "restore_or_recreate"],
  changed: ["drift_detected"],
  missing: ["drift_detected", "path_not_found"],
}

/** The state after copies were seen so. */
export function stateSeen(from: ObjectState, seen: ObjectSeen): ObjectState {
  return SEEN_EVENTS[seen].reduce(nextState, from)
}
