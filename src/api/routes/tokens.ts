/**
 * Bearer tokens, for administrators: `GET`, `POST /v1/tokens`, `GET`, `DELETE /v1/tokens/{id}`, `POST /v1/tokens/{id}/rotate` with nothing, or with `{"overlap": "24h"}`. The answers to
 * a new token and to a rotation hold its secret, this once; nobody may keep them on the way.
 */
import * as z from "zod"
import { rotationSchema, tokenSchema } from "../../core/token-settings.ts"
import { actorOf } from "../access/actor.ts"
import { grantable } from "../access/grantable.ts"
import { onceOptions } from "../idempotency.ts"
import { PROBLEM_TYPE } from "../problem.ts"
import { type Answer, type HeaderNotes, route } from "../route.ts"
import { problem } from "../schemas/pieces.ts"
import { issuedToken, token } from "../schemas/token.ts"

const NO_STORE = ["cache-control", "no-store"] as const
const ISSUE_HEADERS: HeaderNotes = {
  "idempotency-key":
    "the request has an effect once: sent again within a day it is refused with 409 and the token's id in `details.token`, for its secret is shown once; another one with the same key is refused too (422)",
}
const DONE_BEFORE: Answer = {
  is: "The same request was done before, or the token is revoked or over.",
  type: PROBLEM_TYPE,
  schema: problem,
}

export const listTokens = route({
  method: "GET",
  path: "/v1/tokens",
  operation: "listTokens",
  tag: "access",
  summary: "Every token, revoked ones too, without secrets.",
  policy: { scope: "admin", on: "whole" },
  answers: { 200: { is: "All of them.", schema: z.object({ tokens: z.array(token) }) } },
  handle: ({ services }) => ({ tokens: services.store.tokens.list() }),
})

export const createToken = route({
  method: "POST",
  path: "/v1/tokens",
  operation: "createToken",
  tag: "access",
  summary: "Makes a token; its secret is in the answer, and is shown to nobody again.",
  description:
    "Nobody gives away a scope that he does not have: a token for workers is made on the server's own data directory.",
  policy: { scope: "admin", on: "whole" },
  headers: ISSUE_HEADERS,
  body: tokenSchema,
  answers: { 201: { is: "It is made.", schema: issuedToken }, 409: DONE_BEFORE },
  async handle({ services, access, request, reply, body }) {
    const settings = grantable(access, await body())
    const { idempotencyKey } = onceOptions(request, reply)
    const issued = await services.store.tokens.create(settings, {
      ...actorOf({ access, request }),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    })
    reply
      .code(201)
      .header("location", `/v1/tokens/${issued.id}`)
      .header(...NO_STORE)
    return issued
  },
})

export const getToken = route({
  method: "GET",
  path: "/v1/tokens/{id}",
  operation: "getToken",
  tag: "access",
  summary: "One token, and how much of its quota is used.",
  policy: { scope: "admin", on: "whole" },
  answers: { 200: { is: "The token, without its secret.", schema: token } },
  handle: ({ services, name }) => services.store.tokens.get(name),
})

export const rotateToken = route({
  method: "POST",
  path: "/v1/tokens/{id}/rotate",
  operation: "rotateToken",
  tag: "access",
  summary: "Gives a token another secret; the one before may go on for a while.",
  policy: { scope: "admin", on: "whole" },
  headers: ISSUE_HEADERS,
  body: rotationSchema.default({}),
  answers: { 200: { is: "The token with its new secret.", schema: issuedToken }, 409: DONE_BEFORE },
  async handle({ services: { store }, access, request, reply, name, body }) {
    const { overlap } = await body()
    grantable(access, store.tokens.get(name))
    const { idempotencyKey } = onceOptions(request, reply)
    reply.header(...NO_STORE)
    return store.tokens.rotate(name, {
      ...(overlap !== undefined && { overlap }),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
      ...actorOf({ access, request }),
    })
  },
})

export const revokeToken = route({
  method: "DELETE",
  path: "/v1/tokens/{id}",
  operation: "revokeToken",
  tag: "access",
  summary: "From the next request on it is good no more; said twice, it is as said once.",
  policy: { scope: "admin", on: "whole" },
  answers: { 200: { is: "The token as it was.", schema: token } },
  handle: ({ services, access, request, name }) => services.store.tokens.revoke(name, actorOf({ access, request })),
})
