/** The body of a request, as fast as the server takes it. A server that answers before it has all is not sent the rest. */
import type { ClientRequest } from "node:http"
import { StoredError } from "../core/error.ts"

export interface Body {
  /** bytes, where known; another number is SIZE_MISMATCH */
  size: number | undefined
  chunks(): AsyncIterable<Uint8Array>
}

/**
 * @param watch told whether it is the server that is waited for
 * @throws what the source throws, SIZE_MISMATCH
 */
export async function sendBody(
  request: ClientRequest,
  { size, chunks }: Body,
  watch: (isOn: boolean) => void,
): Promise<void> {
  const line = new Line(request)
  // Node holds the head back until there is a body to send with it: a slow source would look like a silent client.
  const flushing = setImmediate(() => request.flushHeaders())
  request.once("close", () => clearImmediate(flushing))
  let sent = 0
  for await (const chunk of chunks()) {
    if (line.isOver) break
    sent += chunk.length
    if (size !== undefined && sent > size) throw mismatch(size, sent)
    if (chunk.length === 0 || request.write(chunk)) continue
    watch(true)
    await line.room()
    if (!line.isOver) watch(false)
  }
  if (line.isOver) return
  if (size !== undefined && sent < size) throw mismatch(size, sent)
  request.end()
  watch(true)
}

/** Whether and when there is room on the way to the server. */
class Line {
  isOver = false
  #wake: (() => void) | null = null

  constructor(request: ClientRequest) {
    const end = (): void => {
      this.isOver = true
      this.#wake?.()
    }
    request.once("response", (response) => {
      end()
      // What was not sent can never follow: the connection serves nobody else.
      if (!request.writableEnded) response.once("close", () => request.destroy())
    })
    request.once("close", end)
    request.on("drain", () => this.#wake?.())
  }

  room(): Promise<void> {
    if (this.isOver) return Promise.resolve()
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

function mismatch(declared: number, actual: number): StoredError {
  const extent = actual > declared ? "more than" : `${actual} bytes, not`
  return new StoredError("SIZE_MISMATCH", `The source has ${extent} the ${declared} bytes that were declared.`, {
    details: { declared, actual },
  })
}

/** A value that is in memory. */
export function bytesBody(bytes: Uint8Array): Body {
  return { size: bytes.length, chunks: () => pieces(bytes) }
}

export function jsonBody(value: unknown): Body {
  return bytesBody(Buffer.from(JSON.stringify(value)))
}

const PIECE = 256 * 1024

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += PIECE) yield bytes.subarray(start, start + PIECE)
}
