/** A server that is measured says where it listens, as `npm start` does. */
import type { Server } from "node:http"
import type { AddressInfo } from "node:net"

export function announce(server: Server): void {
  server.listen(0, "127.0.0.1", () => {
    process.stdout.write(`listens on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
  })
}
