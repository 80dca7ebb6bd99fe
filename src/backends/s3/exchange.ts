/** One HTTP request and its answer, whole: for answers that are short, and bodies that are in memory. */
import http from "node:http"
import https from "node:https"
import { throwIfAborted } from "../../core/error.ts"

export interface Agents {
  http: http.Agent
  https: https.Agent
}

export interface Outgoing {
  agents: Agents
  isSecure: boolean
  host: string
  /** absent: that of the protocol */
  port: number | undefined
  method: string
  /** with the query */
  path: string
  headers: Record<string, string>
  body: Uint8Array | undefined
  /** ms to be connected */
  connect: number
}

export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  /** the beginning of the body */
  text: string
}

/** bytes of an answer that are looked at */
const MOST_TEXT = 65_536

/** @throws the reason of `signal`, and errors of the system, with their `code` */
export function exchange(outgoing: Outgoing, signal: AbortSignal): Promise<Answer> {
  throwIfAborted(signal)
  const { agents, isSecure, host, port, method, path, headers, body, connect } = outgoing
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const options = { host, port, method, path, headers }
  const request = isSecure
    ? https.request({ ...options, agent: agents.https })
    : http.request({ ...options, agent: agents.http })
  const stop = (): void => {
    request.destroy()
    reject(signal.reason)
  }
  let answer: Answer | null = null
  signal.addEventListener("abort", stop, { once: true })
  request.on("error", (error) => {
    if (!answer) reject(error)
  })
  request.once("socket", (socket) => {
    if (!socket.connecting) return
    const timer = setTimeout(() => request.destroy(named("ETIMEDOUT", "not connected in time")), connect)
    const connected = (): void => clearTimeout(timer)
    socket.once("connect", connected)
    request.once("close", connected)
  })
  request.once("response", (response) => {
    const chunks: Buffer[] = []
    let size = 0
    response.on("data", (chunk: Buffer) => {
      if (size < MOST_TEXT) chunks.push(chunk)
      size += chunk.length
    })
    response.once("error", reject)
    response.once("end", () => {
      const text = size === 0 ? "" : Buffer.concat(chunks).toString("utf8", 0, MOST_TEXT)
      answer = { status: response.statusCode ?? 0, headers: response.headers, text }
      // A refusal may come before the server has read everything, and nobody waits for the rest. After a success the word that all is written is on its way.
      if (answer.status >= 300 && !request.writableFinished) request.destroy()
    })
  })
  // Only now is the connection free for the next request, and the body nobody's.
  request.once("close", () => {
    signal.removeEventListener("abort", stop)
    if (answer) resolve(answer)
    else reject(named("ECONNRESET", "the connection closed before the answer was whole"))
  })
  request.end(body)
  return promise
}

function named(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
