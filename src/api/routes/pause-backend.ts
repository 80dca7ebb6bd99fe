/** `POST /v1/backends/{name}/pause`, and `…/resume`: jobs of that backend wait, or go on. Said twice, it is as said once; the answer is the backend. */
import { actorOf } from "../access/actor.ts"
import { route } from "../route.ts"
import { backend } from "../schemas/backend.ts"

const answers = { 200: { is: "The backend.", schema: backend } }

export const pauseBackend = route({
  method: "POST",
  path: "/v1/backends/{name}/pause",
  operation: "pauseBackend",
  tag: "backends",
  summary: "None of its jobs begins until it is resumed.",
  policy: { scope: "admin", on: "backend" },
  answers,
  handle: ({ services, access, name, request }) => services.store.pauseBackend(name, actorOf({ access, request })),
})

export const resumeBackend = route({
  method: "POST",
  path: "/v1/backends/{name}/resume",
  operation: "resumeBackend",
  tag: "backends",
  summary: "Its jobs begin again.",
  policy: { scope: "admin", on: "backend" },
  answers,
  handle: ({ services, access, name, request }) => services.store.resumeBackend(name, actorOf({ access, request })),
})
