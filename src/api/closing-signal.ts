/** A signal that fires when the server begins to close: requests that wait for something would otherwise hold it up until they are cut. */
import type { FastifyInstance } from "fastify"
import { StoredError } from "../core/error.ts"

/** To be asked for while routes are added. */
export function closingSignal(app: FastifyInstance): AbortSignal {
  const closing = new AbortController()
  app.addHook("preClose", async () => {
    closing.abort(new StoredError("CLOSED", "The server is closing; ask again when it is back.", { retryable: true }))
  })
  return closing.signal
}
