/** A client that goes while its bytes are looked for: the read is aborted before anybody listens to it, and the process goes on. */
import { openSync } from "node:fs"
import { expect, it } from "vitest"
import { FileStream } from "../../src/backends/fs/file-stream.ts"

it("a read that was aborted before it was handed over fails for its reader, and for nobody else", async () => {
  const unhandled: unknown[] = []
  const others = process.listeners("uncaughtException")
  process.removeAllListeners("uncaughtException").on("uncaughtException", (error) => unhandled.push(error))
  try {
    const aborted = AbortSignal.abort(new Error("the client closed the connection"))
    const stream = new FileStream(openSync("/dev/zero", "r"), { start: 0, end: 10 }, "a", aborted)
    await new Promise((resolve) => stream.once("close", resolve))
    await expect(stream.toArray()).rejects.toMatchObject({ code: "ABORTED" })
    expect(unhandled).toEqual([])
  } finally {
    process.removeAllListeners("uncaughtException")
    for (const other of others) process.on("uncaughtException", other)
  }
})
