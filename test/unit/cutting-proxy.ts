/** A TCP proxy before a server that passes so many bytes of each connection's answer, then cuts it; for one test. */
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { onTestFinished } from "vitest"

export interface CuttingProxy {
  url: string
  /** bytes of answers that each connection passes from now on; Infinity cuts nothing */
  allow(bytes: number): void
  /** Cuts whatever is open. */
  cut(): void
  /** connections that were made */
  connections(): number
}

export async function cuttingProxy(port: number, bytes: number): Promise<CuttingProxy> {
  let allowed = bytes
  let count = 0
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    count += 1
    const upstream = connect(port, "127.0.0.1")
    let left = allowed
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      // A cut is what is tested; either side sees it as a reset.
      socket.on("error", () => {})
      socket.on("close", () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.pipe(upstream)
    upstream.on("data", (chunk: Buffer) => {
      const passed = chunk.subarray(0, left)
      left -= passed.length
      const hasRoom = client.write(passed, () => {
        if (left <= 0) client.destroy()
      })
      if (hasRoom) return
      upstream.pause()
      client.once("drain", () => upstream.resume())
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(() => {
    cut()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    allow: (next) => {
      allowed = next
    },
    cut,
    connections: () => count,
  }
}
