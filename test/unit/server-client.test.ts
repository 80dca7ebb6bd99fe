/** A worker's requests to a server that hangs, answers too much, or answers no JSON. */
import { createServer, type RequestListener } from "node:http"
import { describe, expect, it, onTestFinished } from "vitest"
import { StoredError } from "../../src/core/error.ts"
import { ServerClient } from "../../workers/server-client.ts"
import { ID, TOKEN } from "./worker-desk.ts"

const NEVER = new AbortController().signal

async function serve(answer: RequestListener, deadline = 60_000): Promise<ServerClient> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { port: number }
  const client = new ServerClient({ url: new URL(`http://127.0.0.1:${port}/base/`), token: TOKEN, deadline })
  onTestFinished(async () => {
    client.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return client
}

describe("a request", () => {
  it("goes below the path of the server's address", async () => {
    const client = await serve((request, response) => void response.end(JSON.stringify(request.url)))
    expect(await client.configuration(NEVER)).toBe("/base/internal/configuration")
  })

  it.each<[string, RequestListener]>([
    ["says nothing", () => {}],
    ["begins and says no more", (_request, response) => void response.writeHead(200).write("{")],
  ])("to a server that %s ends at its deadline", async (_, answer) => {
    const client = await serve(answer, 30)
    await expect(client.configuration(NEVER)).rejects.toMatchObject({ code: "TIMEOUT", retryable: true })
  })

  it("for content to a server that says nothing ends at its deadline", async () => {
    const client = await serve(() => {}, 30)
    await expect(client.content({ id: ID, size: 1 }, NEVER)).rejects.toMatchObject({ code: "TIMEOUT", retryable: true })
  })

  it.each<[string, RequestListener]>([
    ["before its answer", () => {}],
    ["within its answer", (_request, response) => void response.writeHead(200).write("{")],
  ])("that is aborted %s ends at once", async (_, answer) => {
    const began = Promise.withResolvers<void>()
    const client = await serve((request, response) => {
      answer(request, response)
      began.resolve()
    })
    const control = new AbortController()
    const asking = client.configuration(control.signal)
    const ended = expect(asking).rejects.toMatchObject({ code: "CLOSED", message: "enough" })
    await began.promise
    control.abort(new StoredError("CLOSED", "enough"))
    await ended
    await expect(client.suspect(ID, control.signal)).rejects.toMatchObject({ code: "CLOSED" })
  })

  it.each<[string, RegExp, RequestListener]>([
    ["no JSON", /no JSON/, (_request, response) => void response.end("<html>")],
    [
      "an answer that breaks off",
      /broke off/,
      (_request, response) =>
        void response.writeHead(200, { "content-length": 9 }).write("1", () => response.destroy()),
    ],
    [
      "more than any answer is",
      /larger than/,
      (_request, response) => void response.end(Buffer.alloc(17 * 2 ** 20, " ")),
    ],
    [
      "a problem larger than any is",
      /larger than/,
      (_request, response) => void response.writeHead(500).end(Buffer.alloc(2 ** 20, " ")),
    ],
    ["nothing but the end of the connection", /does not answer/, (request) => void request.socket.destroy()],
  ])("that is answered by %s is worth another try", async (_, sentence, answer) => {
    const client = await serve(answer)
    await expect(client.configuration(NEVER)).rejects.toMatchObject({
      code: "BACKEND_UNAVAILABLE",
      retryable: true,
      message: expect.stringMatching(sentence),
    })
  })
})
