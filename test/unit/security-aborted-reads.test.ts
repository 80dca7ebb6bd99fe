/** A client that goes while its bytes are looked for: the read is aborted before anybody listens to it, and the process goes on. */
import { openSync } from "node:fs"
import { expect, it } from "vitest"
import { FileStream } from "../../src/backends/fs/file-stream.ts"
import { closed, uncaughtDuring } from "../uncaught.ts"

it("a read that was aborted before it was handed over fails for its reader, and for nobody else", async () => {
  const uncaught = await uncaughtDuring(async () => {
    const aborted = AbortSignal.abort(new Error("the client closed the connection"))
    const stream = new FileStream(openSync("/dev/zero", "r"), { start: 0, end: 10 }, "a", aborted)
    await closed(stream)
    await expect(stream.toArray()).rejects.toMatchObject({ code: "ABORTED" })
  })
  expect(uncaught).toEqual([])
})
