/** `POST /internal/suspect/{id}`: a worker read bytes that may be bad; they are looked at again before the answer. */
import { route } from "../route.ts"
import { requireBlobId } from "./internal-content.ts"

export const internalSuspect = route({
  method: "POST",
  path: "/internal/suspect/{id}",
  operation: "suspectBlob",
  tag: "internal",
  summary: "Has bytes looked at again that a worker found bad.",
  policy: { scope: "worker", on: "whole" },
  answers: { 204: { is: "They were looked at." } },
  async handle({ services, name, reply }) {
    await services.internal.suspect(requireBlobId(name))
    return reply.code(204).send()
  },
})
