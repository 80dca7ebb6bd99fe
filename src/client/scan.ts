/** Scans of a server's backends, and the copies that are brought back. */
import { checkOptions } from "../store/check-options.ts"
import type { ScanOptions, ScanStatus } from "../store/store.ts"
import { LONG } from "./deadline.ts"
import type { Link } from "./link.ts"
import { nameList } from "./name-list.ts"
import { jsonBody } from "./send-body.ts"

/** The backend is opened first where it is not yet. @throws StoredError UNKNOWN_BACKEND, and why it cannot be opened */
export async function scan(link: Link, name: string, options: ScanOptions = {}): Promise<ScanStatus> {
  const { hash, force } = checkOptions("scan", options)
  return link.json<ScanStatus>({
    method: "POST",
    path: `${backendPath(name)}/scan`,
    body: jsonBody({ hash, force }),
    deadline: Math.max(link.timeout, LONG),
  })
}

/** @throws StoredError UNKNOWN_BACKEND */
export async function scanStatus(link: Link, name: string): Promise<ScanStatus> {
  return link.json<ScanStatus>({ path: `${backendPath(name)}/scan` })
}

/** @throws StoredError UNKNOWN_BACKEND, CONFLICT */
export async function stopScan(
  link: Link,
  name: string,
  step: "pause" | "cancel",
  options: ScanOptions = {},
): Promise<ScanStatus> {
  checkOptions("scan", options)
  const path = `${backendPath(name)}/scan`
  if (step === "cancel") return link.json<ScanStatus>({ method: "DELETE", path })
  return link.json<ScanStatus>({ method: "POST", path: `${path}/pause` })
}

/** @throws StoredError UNKNOWN_BACKEND, INVALID_KEY, INVALID_INPUT */
export async function look(link: Link, name: string, keys: readonly string[]): Promise<number> {
  const { looks } = await link.json<{ looks: number }>({
    method: "POST",
    path: `${backendPath(name)}/look`,
    body: jsonBody({ keys }),
  })
  return looks
}

/** @throws StoredError UNKNOWN_BACKEND */
export async function heal(link: Link, name: string, options: { key?: string } = {}): Promise<number> {
  const { key } = checkOptions("heal", options)
  const { healed } = await link.json<{ healed: number }>({
    method: "POST",
    path: `${backendPath(name)}/heal`,
    body: jsonBody({ key }),
    deadline: Math.max(link.timeout, LONG),
  })
  return healed
}

/** @throws StoredError UNKNOWN_BACKEND */
export function backendPath(name: string): string {
  return `/v1/backends/${nameList([name])}`
}
