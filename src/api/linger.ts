/**
 * After a refusal the client may still be sending. Closing at once would reset the connection and take the answer away
 * from it; reading on for ever would make the refusal pointless. So the rest is read for a short while, then cut.
 */
import type { IncomingMessage } from "node:http"

/** @param time for how long the rest of an unread body is dropped, in ms */
export function linger(request: IncomingMessage, time: number): void {
  if (request.complete || request.destroyed) return
  const { socket } = request
  const timer = setTimeout(() => socket.destroy(), time)
  timer.unref()
  request.once("close", () => clearTimeout(timer))
  request.once("end", () => {
    clearTimeout(timer)
    if (request.headers.connection?.toLowerCase() === "close") socket.end()
  })
}
