/**
 * `Expect: 100-continue`: the client asks before it sends a large body. It hears "continue" only once somebody really reads the
 * body, so that a refusal (too large, wrong condition, no such backend) costs it no upload.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http"

const waiting = new WeakMap<IncomingMessage, ServerResponse>()

/** Routes such requests like all others, with the invitation held back. */
export function holdContinue(server: Server): void {
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    waiting.set(request, response)
    server.emit("request", request, response)
  })
  // Other expectations are none of ours; HTTP lets a server pass over them.
  server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
    server.emit("request", request, response)
  })
}

/** Tells the client to send its body, if it waits to be told. */
export function sendContinue(request: IncomingMessage): void {
  const response = waiting.get(request)
  if (!response) return
  waiting.delete(request)
  if (!response.headersSent && !response.destroyed) response.writeContinue()
}
