/**
 * `POST /v1/signed-urls` with `{ name, method, expires, … }` signs an address; `DELETE /v1/signed-urls` makes all of them worthless. `GET`, `HEAD`, `PUT /v1/signed/{idOrKey}?…&signature=` are
 * the addresses themselves: they need no token.
 */
import type { SignedUrlOptions } from "../../store/store.ts"
import { actorOf } from "../access/actor.ts"
import { authoriseSigning } from "../access/authorise-signing.ts"
import { ONCE_HEADERS } from "../idempotency.ts"
import { PROBLEM_TYPE } from "../problem.ts"
import { DIGEST_HEADERS } from "../put-headers.ts"
import { type Answer, type Route, route } from "../route.ts"
import { problem } from "../schemas/pieces.ts"
import { READ_ANSWERS, READ_HEADERS } from "../serve-blob.ts"
import {
  describeSigned,
  receipt,
  receiveSigned,
  serveSigned,
  signedQuery,
  signedUrl,
  signedUrlBody,
} from "../signed.ts"

export const signUrl = route({
  method: "POST",
  path: "/v1/signed-urls",
  operation: "signUrl",
  tag: "access",
  summary: "Signs an address with which somebody without a token reads or writes one object for a while.",
  description:
    "It holds no longer than the token that asks for it, and is that token's: it counts with its requests, and ends where it is revoked.",
  policy: { scope: "read", on: "named" },
  body: signedUrlBody,
  answers: { 200: { is: "The address.", schema: signedUrl } },
  async handle({ services, access, request, body }) {
    const { name, ...options } = await body()
    authoriseSigning(services.store, access, { name, method: options.method ?? "GET" })
    const { token } = access
    const signed = await services.store.signedUrl(name, {
      ...options,
      ...(token !== null && { token }),
    } as SignedUrlOptions)
    const { method, expires } = signed
    services.audit.signed(request, access, { method, name, expires })
    return signed
  },
})

export const revokeSignedUrls = route({
  method: "DELETE",
  path: "/v1/signed-urls",
  operation: "revokeSignedUrls",
  tag: "access",
  summary: "Makes every address that was signed until now worthless.",
  policy: { scope: "admin", on: "whole" },
  answers: { 204: { is: "They hold no more." } },
  async handle({ services, access, request, reply }) {
    await services.store.revokeSignedUrls(actorOf({ access, request }))
    return reply.code(204).send()
  },
})

const refused: Answer = { is: "It was changed, has expired or was revoked.", type: PROBLEM_TYPE, schema: problem }

const shared = {
  path: "/v1/signed/{idOrKey}",
  tag: "objects",
  policy: { open: true, why: "the address is signed, and allows one object and one method for a while" },
  query: signedQuery,
} as const satisfies Partial<Route>

export const getSigned = route({
  ...shared,
  method: "GET",
  operation: "getSigned",
  summary: "The bytes of an object, by a signed address.",
  headers: READ_HEADERS,
  answers: {
    ...READ_ANSWERS,
    302: { is: "They lie at a provider that is set to serve them.", headers: { location: "its own signed address" } },
    403: refused,
  },
  handle: (call) => serveSigned(call),
})

export const headSigned = route({
  ...shared,
  method: "HEAD",
  operation: "headSigned",
  summary: "The headers of an object, by a signed address to read it.",
  answers: { 200: { is: "What GET would say." }, 403: refused },
  handle: (call) => describeSigned(call),
})

export const putSigned = route({
  ...shared,
  method: "PUT",
  operation: "putSigned",
  summary: "Stores the body under the key of a signed address.",
  description: "Refused where the address has expired or was revoked by the time that the body is whole.",
  takesBytes: true,
  headers: { "content-type": "kept, and told with the bytes", ...DIGEST_HEADERS, ...ONCE_HEADERS },
  answers: {
    200: { is: "It replaced what was there.", schema: receipt },
    201: { is: "The key is new.", schema: receipt },
    403: refused,
  },
  handle: (call) => receiveSigned(call),
})
