/** `GET /internal/configuration`: what a worker has to know to begin, secrets too. */
import { route } from "../route.ts"

export const internalConfiguration = route({
  method: "GET",
  path: "/internal/configuration",
  operation: "getWorkerConfiguration",
  tag: "internal",
  summary: "What a worker has to know to begin.",
  policy: { scope: "worker", on: "whole" },
  answers: { 200: { is: "Settings, with secrets.", type: "application/json" } },
  handle({ services, reply }) {
    reply.header("cache-control", "no-store")
    return services.internal.desk.configuration()
  },
})
