/**
 * Scans of a backend: `POST /v1/backends/{name}/scan` with nothing, or with `{"hash": …, "force": …}`, begins one or goes on with it: 202 with how far it is.
 * `GET …/scan` tells that, `POST …/scan/pause` and `DELETE …/scan` end it for a while or for good: 409 where none is under way. `POST …/heal` with nothing, or
 * with `{"key": …}`, has copies brought back from others, and says how many. `POST …/look` with `{"keys": […]}` has places looked at of which somebody knows that
 * they may have changed: 202.
 */
import type { FastifyInstance, FastifyRequest } from "fastify"
import * as z from "zod"
import { pathName } from "../path-name.ts"
import type { ApiServices } from "../services.ts"
import { smallBody } from "../small-body.ts"

const scanSchema = z.strictObject({ hash: z.boolean().optional(), force: z.boolean().optional() }).default({})
const lookSchema = z.strictObject({ keys: z.array(z.string()) })
const healSchema = z.strictObject({ key: z.string().optional() }).default({})

export function scan(app: FastifyInstance, services: ApiServices): void {
  const path = "/v1/backends/:name/scan"
  app.post(path, async (request, reply) => {
    const { hash, force } = await smallBody(request, reply, services.limits, scanSchema)
    const status = await services.store.scan(backendOf(request, "/scan"), {
      ...(hash !== undefined && { hash }),
      ...(force !== undefined && { force }),
      requestId: request.id,
    })
    reply.code(202)
    return status
  })
  app.get(path, async (request) => services.store.scanStatus(backendOf(request, "/scan")))
  app.post(`${path}/pause`, async (request) =>
    services.store.pauseScan(backendOf(request, "/scan/pause"), { requestId: request.id }),
  )
  app.delete(path, async (request) => services.store.cancelScan(backendOf(request, "/scan"), { requestId: request.id }))
  app.post("/v1/backends/:name/look", async (request, reply) => {
    const { keys } = await smallBody(request, reply, services.limits, lookSchema)
    const looks = await services.store.look(backendOf(request, "/look"), keys)
    reply.code(202)
    return { looks }
  })
  app.post("/v1/backends/:name/heal", async (request, reply) => {
    const { key } = await smallBody(request, reply, services.limits, healSchema)
    return { healed: await services.store.heal(backendOf(request, "/heal"), key === undefined ? {} : { key }) }
  })
}

/** @param rest of the path behind the name */
export function backendOf(request: FastifyRequest, rest: string): string {
  return pathName(request.raw.url ?? "", "/v1/backends/").slice(0, -rest.length)
}
