/**
 * Scans of a backend: `POST /v1/backends/{name}/scan` with nothing, or with `{"hash": …, "force": …}`, begins one or goes on with it: 202 with how far it is.
 * `GET …/scan` tells that, `POST …/scan/pause` and `DELETE …/scan` end it for a while or for good: 409 where none is under way.
 */
import * as z from "zod"
import { actorOf } from "../access/actor.ts"
import { route } from "../route.ts"
import { scanStatus } from "../schemas/backend.ts"

const path = "/v1/backends/{name}/scan"
const answer = { is: "How far it is.", schema: scanStatus }

export const startScan = route({
  method: "POST",
  path,
  operation: "startScan",
  tag: "scans",
  summary: "Takes in what lies at a backend; one that is under way or paused goes on.",
  policy: { scope: "admin", on: "backend" },
  body: z
    .strictObject({
      hash: z.boolean().optional().describe("whether content that is not known is read"),
      force: z.boolean().optional().describe("take what is missing for missing also where nothing at all lies there"),
    })
    .default({}),
  answers: { 202: answer },
  async handle({ services, access, name, request, reply, body }) {
    const { hash, force } = await body()
    const status = await services.store.scan(name, {
      ...(hash !== undefined && { hash }),
      ...(force !== undefined && { force }),
      ...actorOf({ access, request }),
    })
    reply.code(202)
    return status
  },
})

export const getScan = route({
  method: "GET",
  path,
  operation: "getScan",
  tag: "scans",
  summary: "How far the scan is, or how the last one ended.",
  policy: { scope: "admin", on: "backend" },
  answers: { 200: answer },
  handle: ({ services, name }) => services.store.scanStatus(name),
})

export const pauseScan = route({
  method: "POST",
  path: `${path}/pause`,
  operation: "pauseScan",
  tag: "scans",
  summary: "Ends a scan for a while.",
  policy: { scope: "admin", on: "backend" },
  answers: { 200: answer },
  handle: ({ services, access, name, request }) => services.store.pauseScan(name, actorOf({ access, request })),
})

export const cancelScan = route({
  method: "DELETE",
  path,
  operation: "cancelScan",
  tag: "scans",
  summary: "Ends a scan for good.",
  policy: { scope: "admin", on: "backend" },
  answers: { 200: answer },
  handle: ({ services, access, name, request }) => services.store.cancelScan(name, actorOf({ access, request })),
})
