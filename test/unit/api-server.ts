/** Listens on a free port for one test, and two ways to talk to it: `fetch`, and a bare socket for what no client would send. */
import { connect, type Socket } from "node:net"
import { onTestFinished } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import type { ApiLimits } from "../../src/api/limits.ts"
import type { Store } from "../../src/store/store.ts"

export interface TestServer {
  url: string
  port: number
}

export async function listen(store: Store, limits: Partial<ApiLimits> = {}): Promise<TestServer> {
  const app = buildApp({ store, limits })
  await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  const address = app.server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  return { url: `http://127.0.0.1:${address.port}`, port: address.port }
}

export function openSocket(port: number): Socket {
  const socket = connect(port, "127.0.0.1")
  // Resets are an answer here; tests look at what came before.
  socket.on("error", () => {})
  onTestFinished(() => void socket.destroy())
  return socket
}

/** Sends text, resolves with all that comes back until the server closes (or an answer with its whole body is there). */
export async function exchange(port: number, text: string | Buffer): Promise<string> {
  const socket = openSocket(port)
  socket.write(text)
  return readAnswer(socket)
}

export async function readAnswer(socket: Socket): Promise<string> {
  let answer = ""
  return new Promise((resolve) => {
    const settle = (): void => resolve(answer)
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1")
      const length = /\r\ncontent-length: (\d+)\r\n/i.exec(answer)
      const head = answer.indexOf("\r\n\r\n")
      if (head >= 0 && length && answer.length >= head + 4 + Number(length[1])) settle()
    })
    socket.on("close", settle)
  })
}

export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
}

export function bodyOf(answer: string): Record<string, unknown> {
  return JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4)) as Record<string, unknown>
}
