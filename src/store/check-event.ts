/** The name of an event and its listener, checked for callers whom no compiler checks. */
import { StoredError } from "../core/error.ts"
import { STORE_EVENTS, type StoreEventName } from "../core/event.ts"
import { shown } from "./check-options.ts"

/** @throws StoredError INVALID_INPUT */
export function checkEvent<Name extends StoreEventName>(name: Name, listener: unknown): Name {
  if (!STORE_EVENTS.includes(name)) {
    throw new StoredError("INVALID_INPUT", `There is no event ${shown(name)}; there are ${STORE_EVENTS.join(", ")}.`)
  }
  if (typeof listener === "function") return name
  throw new StoredError("INVALID_INPUT", `The listener is ${shown(listener)}; give a function.`)
}
