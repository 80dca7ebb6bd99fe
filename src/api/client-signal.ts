/** A signal that fires when the client goes away before its answer is out, so that nobody works for nobody. */
import type { ServerResponse } from "node:http"
import { StoredError } from "../core/error.ts"

export function clientSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController()
  response.once("close", () => {
    if (!response.writableFinished) controller.abort(new StoredError("ABORTED", "The client closed the connection."))
  })
  return controller.signal
}
