/** Of a request about many keys each is asked about by itself: one that the token does not reach is refused for itself, and told to the audit like any other. */
import { toStoredError } from "../core/error.ts"
import type { Call } from "./route.ts"

export async function auditedEach<Result>(
  { services, request, access }: Pick<Call<unknown, unknown>, "services" | "request" | "access">,
  ask: () => Promise<Result>,
): Promise<Result> {
  try {
    return await ask()
  } catch (error) {
    services.audit.refused(request, access, error)
    throw toStoredError(error)
  }
}
