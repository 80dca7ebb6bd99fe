/** `GET /v1/status`: what there is, and what waits. */
import { route } from "../route.ts"
import { status as shape } from "../schemas/service.ts"

export const status = route({
  method: "GET",
  path: "/v1/status",
  operation: "getStatus",
  tag: "service",
  summary: "What there is, and what waits.",
  policy: { scope: "read", on: "whole" },
  answers: { 200: { is: "The store as a whole.", schema: shape } },
  handle: ({ services }) => services.store.status(),
})
