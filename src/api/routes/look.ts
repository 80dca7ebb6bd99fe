/** `POST /v1/backends/{name}/look` with `{"keys": […]}` has places looked at of which somebody knows that they may have changed: 202. */
import * as z from "zod"
import { actorOf } from "../access/actor.ts"
import { route } from "../route.ts"

export const look = route({
  method: "POST",
  path: "/v1/backends/{name}/look",
  operation: "lookAt",
  tag: "scans",
  summary: "Has places looked at that may have changed.",
  policy: { scope: "admin", on: "backend" },
  body: z.strictObject({ keys: z.array(z.string()).describe("inside the backend, at most 10,000") }),
  answers: { 202: { is: "So many are looked at.", schema: z.object({ looks: z.int() }) } },
  async handle({ services, access, request, name, reply, body }) {
    const { keys } = await body()
    const looks = await services.store.look(name, keys, actorOf({ access, request }))
    reply.code(202)
    return { looks }
  },
})
