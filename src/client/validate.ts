/** Validations of a server's copies. */
import { checkOptions } from "../store/check-options.ts"
import type { ValidateOptions, ValidateStatus } from "../store/store.ts"
import { listBackends } from "./backends.ts"
import { LONG } from "./deadline.ts"
import type { Link } from "./link.ts"
import { backendPath } from "./scan.ts"
import { jsonBody } from "./send-body.ts"

const STAGING = "staging"

/** Without a name: every backend, and staging. @throws StoredError UNKNOWN_BACKEND, CONFLICT, INVALID_INPUT */
export async function validate(
  link: Link,
  name: string | undefined,
  options: ValidateOptions = {},
): Promise<ValidateStatus[]> {
  const { sample, seed, prefix, pattern, rate } = checkOptions("validate", options)
  const begin = (each: string): Promise<ValidateStatus> =>
    link.json<ValidateStatus>({
      method: "POST",
      path: `${backendPath(each)}/validate`,
      body: jsonBody({ sample, seed, prefix, pattern, rate }),
      deadline: Math.max(link.timeout, LONG),
    })
  if (name !== undefined) return [await begin(name)]
  const backends = await listBackends(link)
  const isLeftOut = prefix || pattern !== undefined || backends.includes(STAGING)
  const begun: ValidateStatus[] = []
  for (const each of isLeftOut ? backends : [...backends, STAGING]) begun.push(await begin(each))
  return begun
}

/** @throws StoredError UNKNOWN_BACKEND */
export async function validateStatus(link: Link, name: string): Promise<ValidateStatus> {
  return link.json<ValidateStatus>({ path: `${backendPath(name)}/validate` })
}

/** @throws StoredError UNKNOWN_BACKEND, CONFLICT */
export async function stopValidate(
  link: Link,
  name: string,
  step: "pause" | "cancel",
  options: Pick<ValidateOptions, "principal" | "requestId"> = {},
): Promise<ValidateStatus> {
  checkOptions("pauseBackend", options)
  const path = `${backendPath(name)}/validate`
  if (step === "cancel") return link.json<ValidateStatus>({ method: "DELETE", path })
  return link.json<ValidateStatus>({ method: "POST", path: `${path}/pause` })
}
