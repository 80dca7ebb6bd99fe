/** Whether rclone may be sent where its options say. It connects by itself: what a name leads to later is not seen here. */
import type { Endpoints } from "../../core/endpoints.ts"
import { isStoredError } from "../../core/error.ts"
import type { RcloneSettings } from "./settings.ts"

/** options of some kinds of remotes that name a server without a protocol */
const HOSTS = ["host", "addr", "nameserver", "namenode"]

/** @throws StoredError INVALID_CONFIG */
export async function requireReach({ config = {} }: RcloneSettings, endpoints: Endpoints): Promise<void> {
  for (const [name, value] of Object.entries(config)) {
    const text = String(value)
    const url = /^https?:/i.test(text) ? URL.parse(text) : HOSTS.includes(name) ? URL.parse(`http://${text}`) : null
    if (!url) continue
    if (/^https?:/i.test(text)) endpoints.requireOrigin(text)
    try {
      await endpoints.requireResolved(url.hostname)
    } catch (error) {
      // A name that cannot be resolved is rclone's to complain about.
      if (isStoredError(error)) throw error
    }
  }
}
