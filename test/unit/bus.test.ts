/** The bus: listeners that fail, at once or later, disturb neither the publisher nor each other. */
import { describe, expect, onTestFinished, test } from "vitest"
import { Bus } from "../../src/bus.ts"

const DATA = { backend: "a" }

/** Rejections that nobody took care of, as the process sees them. */
function watchUnhandled(): unknown[] {
  const seen: unknown[] = []
  const note = (reason: unknown): void => void seen.push(reason)
  const others = process.listeners("unhandledRejection")
  process.removeAllListeners("unhandledRejection")
  process.on("unhandledRejection", note)
  onTestFinished(() => {
    process.off("unhandledRejection", note)
    for (const other of others) process.on("unhandledRejection", other)
  })
  return seen
}

describe.each(["on", "onAny"] as const)("a listener that was added by %s", (door) => {
  function open(listener: () => unknown) {
    const errors: unknown[] = []
    const bus = new Bus((error) => void errors.push(error))
    const heard: unknown[] = []
    if (door === "on") bus.on("backend:remove", listener as () => void)
    else bus.onAny(listener as () => void)
    bus.on("backend:remove", (data) => void heard.push(data))
    return { bus, errors, heard }
  }

  test("and throws: the others hear, and the error is told", () => {
    const fault = new Error("thrown")
    const { bus, errors, heard } = open(() => {
      throw fault
    })
    bus.publish("backend:remove", 1, 2, DATA)
    expect([errors, heard]).toEqual([[fault], [DATA]])
  })

  test("and rejects: the others hear, the error is told, and no rejection is left unhandled", async () => {
    const unhandled = watchUnhandled()
    const fault = new Error("rejected")
    const { bus, errors, heard } = open(async () => {
      await null
      throw fault
    })
    bus.publish("backend:remove", 1, 2, DATA)
    expect(heard).toEqual([DATA])
    // Unhandled rejections are told of once the microtasks have run dry.
    await new Promise((resume) => setImmediate(resume))
    expect([errors, unhandled]).toEqual([[fault], []])
  })

  test("and answers with something that is no promise is left alone", () => {
    const { bus, errors } = open(() => JSON.parse(`{ "then": "not a function" }`))
    bus.publish("backend:remove", 1, 2, DATA)
    expect(errors).toEqual([])
  })
})
