/**
 * A client may send requests one behind the other without waiting for answers. Node hands them over all at once; here each begins once the one before it on its
 * connection was answered, so that a GET sees the PUT that was sent before it (RFC 9112 §9.3.2: only safe methods may be dealt with at the same time).
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Socket } from "node:net"

const latest = new WeakMap<Socket, ServerResponse>()

/** Resolves when the answer before this one is out, or the connection is gone. To be called once a request, in their order. */
export async function afterEarlier({ socket }: IncomingMessage, response: ServerResponse): Promise<void> {
  const earlier = latest.get(socket)
  latest.set(socket, response)
  if (!earlier || earlier.writableFinished || earlier.destroyed || socket.destroyed) return
  await new Promise<void>((resolve) => {
    const go = (): void => {
      earlier.off("close", go)
      socket.off("close", go)
      resolve()
    }
    // An answer that never had its turn on the connection does not hear of its end.
    earlier.on("close", go)
    socket.on("close", go)
  })
}
