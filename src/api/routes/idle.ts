/** `GET /v1/idle?wait=`: 200 once no job is due or running, 202 where `wait` ms (30,000 unless said, at most 60,000) are over before. */
import * as z from "zod"
import { clientSignal } from "../client-signal.ts"
import { longPoll, waitParameter } from "../long-poll.ts"
import { route } from "../route.ts"

const answer = z.object({ idle: z.boolean() })

export const idle = route({
  method: "GET",
  path: "/v1/idle",
  operation: "waitIdle",
  tag: "jobs",
  summary: "Waits until no job is due or running.",
  policy: { scope: "read", on: "whole" },
  query: z.strictObject({ wait: waitParameter }),
  answers: { 200: { is: "None is.", schema: answer }, 202: { is: "The wait is over before.", schema: answer } },
  async handle({ services, reply, query: { wait }, closing }) {
    const isIdle = await longPoll(wait, [clientSignal(reply.raw), closing], async (signal) => {
      await services.store.idle({ signal })
      return true
    })
    reply.code(isIdle ? 200 : 202)
    return { idle: isIdle ?? false }
  },
})
