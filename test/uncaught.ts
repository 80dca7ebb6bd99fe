/** Errors that nobody caught while something was done: they would end a process, and here they are given to the test. */
import type { Readable } from "node:stream"

/** Resolves once the work is done, or at the first such error. */
export async function uncaughtDuring(work: () => Promise<void>): Promise<unknown[]> {
  const uncaught: unknown[] = []
  const { promise: first, resolve } = Promise.withResolvers<void>()
  const others = process.listeners("uncaughtException")
  process.removeAllListeners("uncaughtException").on("uncaughtException", (error) => {
    uncaught.push(error)
    resolve()
  })
  try {
    await Promise.race([work(), first])
  } finally {
    process.removeAllListeners("uncaughtException")
    for (const other of others) process.on("uncaughtException", other)
  }
  return uncaught
}

/** Resolves once a stream, where it was destroyed, has told of that, without listening to its errors. */
export async function closed(stream: Readable): Promise<void> {
  if (stream.destroyed && !stream.closed) await new Promise<void>((resolve) => stream.once("close", resolve))
  // It is closed a tick before it says so.
  await new Promise(setImmediate)
}
