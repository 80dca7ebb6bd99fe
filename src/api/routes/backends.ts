/**
 * `GET /v1/backends`, and `GET`, `PUT`, `DELETE /v1/backends/{name}`. The body of PUT is the driver's settings as JSON, `{"driver":"fs",…}`, and they are
 * tried before they are kept: 201 where it is new, 200 where it was there, 409 for that with `If-None-Match: *`. `DELETE ?force=` leaves out the look at the other
 * copies, which the journal keeps. `POST /v1/backends/{name}/test` asks it something now. Secrets go in only.
 */
import type { FastifyRequest } from "fastify"
import * as z from "zod"
import { StoredError } from "../../core/error.ts"
import type { JsonObject } from "../../core/json.ts"
import { actorOf } from "../access/actor.ts"
import { clientSignal } from "../client-signal.ts"
import { flag } from "../query.ts"
import { route } from "../route.ts"
import { backend } from "../schemas/backend.ts"

const one = { is: "The backend.", schema: backend }

export const listBackends = route({
  method: "GET",
  path: "/v1/backends",
  operation: "listBackends",
  tag: "backends",
  summary: "Every backend.",
  policy: { scope: "admin", on: "whole" },
  answers: { 200: { is: "All of them.", schema: z.object({ backends: z.array(backend) }) } },
  handle({ services: { store } }) {
    return { backends: store.listBackends().map((name) => store.getBackend(name)) }
  },
})

export const getBackend = route({
  method: "GET",
  path: "/v1/backends/{name}",
  operation: "getBackend",
  tag: "backends",
  summary: "One backend: its settings without secrets, what it can do, its state.",
  policy: { scope: "admin", on: "backend" },
  answers: { 200: one },
  handle: ({ services, name }) => services.store.getBackend(name),
})

export const putBackend = route({
  method: "PUT",
  path: "/v1/backends/{name}",
  operation: "putBackend",
  tag: "backends",
  summary: "Adds a backend, or changes its settings.",
  description:
    "It is opened and asked something before anything is kept. The body is all settings; `***` for a secret leaves it as it is.",
  policy: { scope: "admin", on: "backend" },
  headers: { "if-none-match": "`*`: only adds" },
  // Which settings there are is the driver's to say.
  body: z.unknown().meta({ type: "object", properties: { driver: { type: "string" } } }),
  answers: { 200: { ...one, is: "It was changed." }, 201: { ...one, is: "It is new." } },
  async handle({ services: { store }, access, request, reply, name, body }) {
    const mustBeNew = isForNew(request)
    const settings = (await body()) as JsonObject
    const isNew = !store.listBackends().includes(name)
    const actor = actorOf({ access, request })
    const info = await (mustBeNew ? store.addBackend(name, settings, actor) : store.setBackend(name, settings, actor))
    reply.code(isNew ? 201 : 200)
    return info
  },
})

export const testBackend = route({
  method: "POST",
  path: "/v1/backends/{name}/test",
  operation: "testBackend",
  tag: "backends",
  summary: "Asks a backend something now.",
  policy: { scope: "admin", on: "backend" },
  query: z.strictObject({
    accept: flag.optional().describe("what is at its place now is the backend, also where it is another directory"),
  }),
  answers: { 200: { ...one, is: "It answers." } },
  handle: ({ services, access, request, name, query: { accept } }) =>
    services.store.testBackend(name, { ...(accept && { accept }), ...actorOf({ access, request }) }),
})

export const removeBackend = route({
  method: "DELETE",
  path: "/v1/backends/{name}",
  operation: "removeBackend",
  tag: "backends",
  summary: "Forgets a backend; its bytes stay where they are.",
  policy: { scope: "admin", on: "backend" },
  query: z.strictObject({ force: flag.optional().describe("without a look at the other copies") }),
  answers: { 204: { is: "It is forgotten." } },
  async handle({ services, access, request, reply, name, query: { force } }) {
    await services.store.removeBackend(name, {
      ...(force !== undefined && { force }),
      signal: clientSignal(reply.raw),
      ...actorOf({ access, request }),
    })
    return reply.code(204).send()
  },
})

/** @throws StoredError INVALID_INPUT: settings have no versions that a condition could name */
function isForNew({ headers }: FastifyRequest): boolean {
  const { "if-none-match": noneMatch, "if-match": match } = headers
  if (match === undefined && (noneMatch === undefined || noneMatch.trim() === "*")) return noneMatch !== undefined
  throw new StoredError("INVALID_INPUT", "Settings of backends know one condition: If-None-Match: * for a new one.")
}
