/** `GET /health`: the process is alive and answers. */
import * as z from "zod"
import { route } from "../route.ts"

export const health = route({
  method: "GET",
  path: "/health",
  operation: "getHealth",
  tag: "service",
  summary: "Whether the process is alive.",
  policy: { open: true, why: "load balancers and supervisors ask without a token, and learn only that it lives" },
  // Whoever asks may add what keeps caches away.
  query: z.looseObject({}),
  answers: { 200: { is: "It is.", schema: z.object({ status: z.literal("ok") }) } },
  handle: () => ({ status: "ok" }),
})
