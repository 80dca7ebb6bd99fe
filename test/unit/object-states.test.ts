/** The states of objects as a machine of its own (C10). */
import { readFile } from "node:fs/promises"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  nextState,
  OBJECT_STATE_EDGES,
  type ObjectSeen,
  type ObjectStateEvent,
  stateSeen,
} from "../../src/catalog/transitions/object-states.ts"

const SEEN: Readonly<Record<ObjectSeen, string>> = { whole: "ACTIVE", changed: "INCONSISTENT", missing: "MISSING" }

describe("states of objects", () => {
  it("are drawn as they are", async () => {
    const drawing = await readFile(new URL("../../docs/states.md", import.meta.url), "utf8")
    const drawn = [...drawing.matchAll(/^ {2}(\w+) --> (\w+): (\w+)$/gm)].map(([, from, to, event]) => ({
      from,
      event,
      to,
    }))
    expect(drawn).toEqual(OBJECT_STATE_EDGES)
  })

  it("are what was seen last, but what is missing is so until it was read", () => {
    const seen = fc.constantFrom<ObjectSeen>("whole", "changed", "missing")
    fc.assert(
      fc.property(fc.array(seen, { minLength: 1 }), (looks) => {
        let state: Parameters<typeof stateSeen>[0] = "ACTIVE"
        for (const look of looks) {
          const before = state
          state = stateSeen(state, look)
          expect(state).toBe(before === "MISSING" && look === "changed" ? "MISSING" : SEEN[look])
        }
      }),
    )
  })

  it("end with DELETED, which nothing leaves", () => {
    const events = new Set(OBJECT_STATE_EDGES.map(({ event }) => event))
    for (const event of events) expect(nextState("DELETED", event)).toBe("DELETED")
    const ends: [Parameters<typeof nextState>[0], ObjectStateEvent][] = [
      ["ACTIVE", "command_delete"],
      ["INCONSISTENT", "command_delete"],
      ["MISSING", "purge_confirmed"],
    ]
    for (const [from, event] of ends) expect(nextState(from, event)).toBe("DELETED")
  })
})
