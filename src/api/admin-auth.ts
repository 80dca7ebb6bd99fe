/** Who may see and change backends where an administrator's token is set: whoever bears it. Told before the body, with its secrets, is read. */
import { bearsToken } from "../core/bearer.ts"
import { send } from "./error-answer.ts"
import { httpProblem } from "./problem.ts"
import type { Gate } from "./worker-auth.ts"

export function requireAdmin(token: string): Gate {
  return async (request, reply) => {
    if (bearsToken(request.headers.authorization, [token])) return
    reply.header("www-authenticate", "Bearer")
    send(
      reply,
      httpProblem(
        401,
        "Backends are for whoever bears STORED_ADMIN_TOKEN; send it as a bearer token (STORED_TOKEN of the command line).",
      ),
    )
    return reply
  }
}
