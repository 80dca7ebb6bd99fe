/** `POST /v1/retry` with nothing, or with `{"backend": …, "key": …}`: puts jobs that were given up back to work, and says how many. */
import * as z from "zod"
import { actorOf } from "../access/actor.ts"
import { route } from "../route.ts"

export const retry = route({
  method: "POST",
  path: "/v1/retry",
  operation: "retryFailed",
  tag: "jobs",
  summary: "Puts jobs that were given up back to work.",
  policy: { scope: "admin", on: "whole" },
  body: z.strictObject({ backend: z.string().optional(), key: z.string().optional() }).default({}),
  answers: { 200: { is: "How many.", schema: z.object({ retried: z.int() }) } },
  async handle({ services, access, request, body }) {
    const { backend, key } = await body()
    const retried = await services.store.retry({
      ...(backend !== undefined && { backend }),
      ...(key !== undefined && { key }),
      ...actorOf({ access, request }),
    })
    return { retried }
  },
})
