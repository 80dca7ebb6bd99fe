/**
 * The store in the pool shape joins the suite while its Redis is not there at all: nothing that a caller sees may depend on it, but for what workers
 * compute. The memory backends of the suite are worked for by the server itself.
 */
import { openTestStore } from "../flow/open-store.ts"
import { storeSuite } from "./store.suite.ts"

/** Nobody listens there. */
const AWAY = { url: "redis://127.0.0.1:1", prefix: "away" }

storeSuite(
  "pool, Redis away",
  async (config, options) => {
    const opened = await openTestStore(config, { redis: AWAY, ...options })
    return { store: opened.store, opened }
  },
  { sideChecksums: false },
)
