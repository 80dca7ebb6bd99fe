/**
 * `POST /v1/notifications/{name}`: a backend's server tells what has changed there, as S3 event JSON, plain, by SNS or by EventBridge. It bears the backend's
 * `scan.secret` as a bearer token, as the password of basic authentication, or signs its body with it: `X-Stored-Signature: sha256=<hex>`. 202 with the number of places
 * that are looked at.
 */
import { buffer } from "node:stream/consumers"
import * as z from "zod"
import { isStoredError } from "../../core/error.ts"
import { send } from "../error-answer.ts"
import { httpProblem, PROBLEM_TYPE } from "../problem.ts"
import { route } from "../route.ts"
import { problem } from "../schemas/pieces.ts"
import { declaredSize, uploadBody } from "../upload-body.ts"

const MOST_BYTES = 1024 * 1024

export const notify = route({
  method: "POST",
  path: "/v1/notifications/{name}",
  operation: "notify",
  tag: "scans",
  summary: "The server of a backend tells what has changed there.",
  description: "S3 event messages, plain, by SNS or EventBridge.",
  policy: { open: true, why: "who sends it bears the backend's own scan.secret, and can only have places looked at" },
  headers: {
    authorization: "the backend's scan.secret as a bearer token, or as the password of basic authentication",
    "x-stored-signature": "instead: sha256=<hex>, the HMAC-SHA-256 of the body under the secret",
  },
  takesBytes: true,
  answers: {
    202: { is: "So many places are looked at.", schema: z.object({ looks: z.int() }) },
    401: { is: "Without the secret.", schema: problem, type: PROBLEM_TYPE },
  },
  async handle({ services, request, reply, name }) {
    const bounds = { ...services.limits, maxBlobSize: MOST_BYTES }
    declaredSize(request.raw, bounds)
    const body = await buffer(uploadBody(request.raw, bounds))
    const { authorization, "x-stored-signature": signature } = request.headers
    const shown = { token: tokenOf(authorization), signature: typeof signature === "string" ? signature : null }
    try {
      reply.code(202)
      return { looks: await services.store.notify(name, { body, ...shown }) }
    } catch (error) {
      if (!isStoredError(error) || error.code !== "PERMISSION_DENIED") throw error
      reply.header("www-authenticate", "Bearer")
      send(reply, httpProblem(401, error.message))
      return reply
    }
  },
})

function tokenOf(authorization = ""): string | null {
  const bearer = /^bearer +(\S+) *$/i.exec(authorization)?.[1]
  if (bearer !== undefined) return bearer
  const basic = /^basic +(\S+) *$/i.exec(authorization)?.[1]
  if (basic === undefined) return null
  const pair = Buffer.from(basic, "base64").toString("utf8")
  return pair.includes(":") ? pair.slice(pair.indexOf(":") + 1) : null
}
