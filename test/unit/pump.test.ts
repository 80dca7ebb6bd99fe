/** The ring of buffers: every byte once, in order, with reads and writes that end when they like, and nothing under way after the end. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Pump, pump } from "../../src/core/pump.ts"

const BYTES = 4

/** A source and a target whose calls end in any order. `open` counts the calls under way. */
function scene(content: Buffer, buffers: number, turns: () => number) {
  const written = Buffer.alloc(content.length)
  const seen: Buffer[] = []
  const state = { open: 0, most: 0 }
  const later = async <T>(act: () => T): Promise<T> => {
    state.open += 1
    state.most = Math.max(state.most, state.open)
    try {
      for (let turn = turns(); turn > 0; turn -= 1) await Promise.resolve()
      return act()
    } finally {
      state.open -= 1
    }
  }
  const parts: Pump & Required<Pick<Pump, "look" | "write">> = {
    ring: Array.from({ length: buffers }, () => Buffer.alloc(BYTES)),
    read: (buffer, position) => later(() => content.copy(buffer, 0, position, position + buffer.length)),
    look: (chunk) => void seen.push(Buffer.from(chunk)),
    write: (buffer, length, position) => later(() => void buffer.copy(written, position, 0, length)),
  }
  return { parts, written, seen, state }
}

describe("pump", () => {
  it("moves every byte once and in order, whatever the lengths and the order in which calls end", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 60 }),
        fc.integer({ min: 2, max: 5 }),
        fc.infiniteStream(fc.nat(9)),
        fc.option(fc.nat(70), { nil: undefined }),
        async (bytes, buffers, turns, extra) => {
          const content = Buffer.from(bytes)
          const { parts, written, seen, state } = scene(content, buffers, () => turns.next().value)
          const size = extra === undefined ? undefined : content.length + extra
          expect(await pump({ ...parts, ...(size !== undefined && { size }) })).toBe(content.length)
          expect(Buffer.concat(seen).equals(content)).toBe(true)
          expect(written.equals(content)).toBe(true)
          expect(state.open).toBe(0)
        },
      ),
    )
  })

  it("says that there is more than was expected", async () => {
    for (const size of [0, 1, 3, 4, 5, 7, 8, 11]) {
      const { parts } = scene(Buffer.alloc(12), 2, () => 0)
      expect(await pump({ ...parts, size })).toBeGreaterThan(size)
    }
  })

  it.each(["read", "write", "look"] as const)("tells what %s threw, when all calls are done", async (name) => {
    for (let at = 0; at < 5; at += 1) {
      const { parts, state } = scene(Buffer.alloc(20, 1), 3, () => 3)
      let calls = 0
      const failing = (...args: unknown[]): unknown => {
        calls += 1
        if (calls > at) throw new Error(`${name} failed`)
        return (parts[name] as (...args: unknown[]) => unknown)(...args)
      }
      const call = name === "look" ? failing : async (...args: unknown[]) => failing(...args)
      await expect(pump({ ...parts, [name]: call })).rejects.toThrow(`${name} failed`)
      expect(state.open).toBe(0)
    }
  })

  it("keeps as many calls under way as it has buffers", async () => {
    const { parts, state } = scene(Buffer.alloc(400), 4, () => 5)
    await pump(parts)
    expect(state.most).toBe(4)
  })
})
