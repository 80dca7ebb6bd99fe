/** Where a server may listen: whoever asks for no token is reached from its own host only. */
import { isIPv4 } from "node:net"
import { StoredError } from "../../core/error.ts"

/** Whether an address can be reached from its own host only. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1").toLowerCase()
  return bare === "localhost" || bare === "::1" || (isIPv4(bare) && bare.startsWith("127."))
}

/**
 * @param hasToken whether requests are asked for one
 * @throws StoredError INVALID_CONFIG
 */
export function requireGuarded(host: string, hasToken: boolean): void {
  if (hasToken || isLoopback(host)) return
  throw new StoredError(
    "INVALID_CONFIG",
    `Whoever reaches ${host} could read and change everything, because this server has no token yet. Set STORED_ADMIN_TOKEN, or make one on the data directory ` +
      'with "stored tokens create", or leave STORED_HOST at 127.0.0.1.',
    { details: { issues: [{ path: "STORED_HOST", message: "without any token only a loopback address" }] } },
  )
}
