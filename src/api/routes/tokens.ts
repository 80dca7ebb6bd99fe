/**
 * Bearer tokens, for administrators: `GET`, `POST /v1/tokens`, `GET`, `DELETE /v1/tokens/{id}`, `POST /v1/tokens/{id}/rotate` with nothing, or with `{"overlap": "24h"}`. The answers to
 * a new token and to a rotation hold its secret, this once; nobody may keep them on the way.
 */
import * as z from "zod"
import { rotationSchema, tokenSchema } from "../../core/token-settings.ts"
import { actorOf } from "../access/actor.ts"
import { grantable } from "../access/grantable.ts"
import { route } from "../route.ts"
import { issuedToken, token } from "../schemas/token.ts"

const NO_STORE = ["cache-control", "no-store"] as const

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
  body: tokenSchema,
  answers: { 201: { is: "It is made.", schema: issuedToken } },
  async handle({ services, access, request, reply, body }) {
    const settings = grantable(access, await body())
    const issued = await services.store.tokens.create(settings, actorOf({ access, request }))
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
  body: rotationSchema.default({}),
  answers: { 200: { is: "The token with its new secret.", schema: issuedToken } },
  async handle({ services: { store }, access, request, reply, name, body }) {
    const { overlap } = await body()
    grantable(access, store.tokens.get(name))
    reply.header(...NO_STORE)
    return store.tokens.rotate(name, { ...(overlap !== undefined && { overlap }), ...actorOf({ access, request }) })
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
