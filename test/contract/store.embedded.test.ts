/** The store in this process joins the suite. */
import { openTestStore } from "../flow/open-store.ts"
import { storeSuite } from "./store.suite.ts"

storeSuite("embedded", async (config, options) => {
  const opened = await openTestStore(config, options)
  return { store: opened.store, opened }
})
