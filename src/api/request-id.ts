/** The id of a request: the client's own where it sends a good one, so that one id leads through the logs of everybody; otherwise one that is made here. */
import { randomBytes } from "node:crypto"
import type { IncomingMessage } from "node:http"

/** What proxies and tracers send: UUIDs, hexadecimal, Base64, `Root=1-…`. Nothing in it means anything to a log, a shell or a page. */
const FORM = /^[A-Za-z0-9._:+=@/-]{1,128}$/

/** What makes ids, unique over restarts, so that the log and the journal can be asked for one. */
export function requestIds(): (request: Pick<IncomingMessage, "headers">) => string {
  const boot = randomBytes(6).toString("base64url")
  let count = 0
  return ({ headers }) => {
    const given = headers["x-request-id"]
    if (typeof given === "string" && FORM.test(given)) return given
    count += 1
    return `${boot}-${count.toString(36)}`
  }
}
