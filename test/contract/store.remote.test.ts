/** The client joins the suite, over a real server. */
import { onTestFinished } from "vitest"
import { connect } from "../../src/client.ts"
import { openTestStore } from "../flow/open-store.ts"
import { listen } from "../unit/api-server.ts"
import { storeSuite } from "./store.suite.ts"

storeSuite("remote", async (config, options) => {
  const opened = await openTestStore(config, options)
  const { url } = await listen(opened.store)
  const store = connect(url, { token: "a-token" })
  onTestFinished(() => store.close({ deadline: 100 }))
  return { store, opened }
})
