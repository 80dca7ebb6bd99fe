/**
 * Validations: `POST /v1/backends/{name}/validate` with nothing, or with `{"sample": …, "seed": …, "prefix": …, "pattern": …, "rate": …}`, has the copies of a backend, or of
 * `staging`, read again, or goes on with it: 202 with how far it is. `GET …/validate` tells that, `POST …/validate/pause` and `DELETE …/validate` end it for a while
 * or for good: 409 where none is under way that was asked for.
 */
import * as z from "zod"
import { actorOf } from "../access/actor.ts"
import { route } from "../route.ts"
import { validateStatus } from "../schemas/validate.ts"

const path = "/v1/backends/{name}/validate"
const answer = { is: "How far it is.", schema: validateStatus }

export const startValidate = route({
  method: "POST",
  path,
  operation: "startValidate",
  tag: "scans",
  summary: "Reads the copies of a backend, or of staging, again; bad ones are put aside and brought back from others.",
  policy: { scope: "admin", on: "backend" },
  body: z
    .strictObject({
      sample: z.number().gt(0).max(1).optional().describe("share of the copies that is read"),
      seed: z.string().max(64).optional().describe("decides which copies a sample is made of"),
      prefix: z.string().max(1024).optional().describe("only copies whose key at the backend begins so"),
      pattern: z
        .string()
        .min(1)
        .max(1024)
        .optional()
        .describe(
          "only copies whose key at the backend matches: * is any text without a slash, ** any text, ? one character",
        ),
      rate: z.int().min(1).optional().describe("bytes a second that are read at most"),
    })
    .default({}),
  answers: { 202: answer },
  async handle({ services, access, name, request, reply, body }) {
    const { sample, seed, prefix, pattern, rate } = await body()
    const [status] = await services.store.validate(name, {
      ...(sample !== undefined && { sample }),
      ...(seed !== undefined && { seed }),
      ...(prefix !== undefined && { prefix }),
      ...(pattern !== undefined && { pattern }),
      ...(rate !== undefined && { rate }),
      ...actorOf({ access, request }),
    })
    reply.code(202)
    return status
  },
})

export const getValidate = route({
  method: "GET",
  path,
  operation: "getValidate",
  tag: "scans",
  summary: "How far the validation is, or how the last one ended, and the one that begins by itself.",
  policy: { scope: "admin", on: "backend" },
  answers: { 200: answer },
  handle: ({ services, name }) => services.store.validateStatus(name),
})

export const pauseValidate = route({
  method: "POST",
  path: `${path}/pause`,
  operation: "pauseValidate",
  tag: "scans",
  summary: "Ends a validation for a while.",
  policy: { scope: "admin", on: "backend" },
  answers: { 200: answer },
  handle: ({ services, access, name, request }) => services.store.pauseValidate(name, actorOf({ access, request })),
})

export const cancelValidate = route({
  method: "DELETE",
  path,
  operation: "cancelValidate",
  tag: "scans",
  summary: "Ends a validation for good.",
  policy: { scope: "admin", on: "backend" },
  answers: { 200: answer },
  handle: ({ services, access, name, request }) => services.store.cancelValidate(name, actorOf({ access, request })),
})
