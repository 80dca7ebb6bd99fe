/**
 * Answers what never becomes a request: heads that are too big or too late, bad framing, bad chunking. Node hands over the
 * bare socket; it gets one problem JSON and is closed. Where an answer has begun already the socket is cut instead,
 * so that nobody takes half of one for a whole.
 */
import { type ServerResponse, STATUS_CODES } from "node:http"
import type { Socket } from "node:net"
import { httpProblem, PROBLEM_TYPE } from "./problem.ts"

const FAULTS: Record<string, [status: number, detail: string]> = {
  HPE_HEADER_OVERFLOW: [431, "The request headers are too large; send at most 16 KiB of them."],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "The request head did not arrive in time; send it at once."],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "The chunk extensions are too large; leave them out."],
}

/** Which answer is under way on a socket; Node itself tells only by private fields. */
const answers = new WeakMap<Socket, ServerResponse>()

export function rememberAnswer(socket: Socket, response: ServerResponse): void {
  answers.set(socket, response)
}

export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  const current = answers.get(socket)
  const begun = current?.headersSent === true && !current.writableFinished
  if (error.code === "ECONNRESET" || begun || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, detail] = FAULTS[error.code ?? ""] ?? [400, "The request is not valid HTTP; check its framing."]
  const body = JSON.stringify(httpProblem(status, detail))
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ]
  // Destroyed only after the answer left: an earlier reset would take the answer away from the client.
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy())
}
