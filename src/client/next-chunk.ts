/** The next bytes of an answer, for readers that must tell its end from a break, and a break from silence. */
import type { IncomingMessage } from "node:http"
import { StoredError } from "../core/error.ts"

/**
 * Null at the end. One call at a time; a break between two calls is seen by the next, so somebody must listen to `error` meanwhile.
 * @param silence longest wait for any byte, ms
 * @throws what broke the connection, StoredError TIMEOUT
 */
export function nextChunk(response: IncomingMessage, silence: number): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      clearTimeout(timer)
      for (const name of EVENTS) response.off(name, look)
      finish()
    }
    const look = (): void => {
      const chunk: Buffer | null = response.destroyed ? null : response.read()
      if (chunk !== null) settle(() => resolve(chunk))
      else if (response.readableEnded) settle(() => resolve(null))
      else if (response.destroyed) settle(() => reject(response.errored ?? new Error("the answer was cut")))
    }
    const timer = setTimeout(() => settle(() => reject(silent(silence))), silence)
    for (const name of EVENTS) response.on(name, look)
    look()
  })
}

const EVENTS = ["readable", "end", "close", "error"] as const

function silent(time: number): StoredError {
  return new StoredError("TIMEOUT", `The server sent nothing for ${time} ms.`, { retryable: true })
}
