/** Cuts a client that stops reading its answer: it would hold a file, a pin and buffers for as long as it likes. */
import type { ServerResponse } from "node:http"

/** @param time longest wait, in ms, for a client to take any of what lies ready for it; a slow backend does not count */
export function cutSlowReader(response: ServerResponse, time: number): void {
  const socket = response.socket
  if (!socket) return
  /** what it had taken when something lay ready for it the last time, -1 where nothing did */
  let seen = -1
  const timer = setInterval(() => {
    const taken = socket.bytesWritten - socket.writableLength
    const waits = socket.writableLength > 0
    if (waits && taken === seen) socket.destroy()
    seen = waits ? taken : -1
  }, time)
  timer.unref()
  response.once("close", () => clearInterval(timer))
}
