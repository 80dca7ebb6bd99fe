/** `retry`: jobs that were given up go back to work. */
import { checkOptions } from "../store/check-options.ts"
import { LONG } from "./deadline.ts"
import type { Link } from "./link.ts"
import { jsonBody } from "./send-body.ts"

export async function retry(link: Link, options: { backend?: string; key?: string } = {}): Promise<number> {
  checkOptions("retry", options)
  const { backend, key } = options
  const body = jsonBody({ backend, key })
  const deadline = Math.max(link.timeout, LONG)
  return (await link.json<{ retried: number }>({ method: "POST", path: "/v1/retry", body, deadline })).retried
}
