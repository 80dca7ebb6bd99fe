/** Backends of a server: which there are, one more, one less. */
import type { JsonObject } from "../core/json.ts"
import { parseBackendName } from "../core/key.ts"
import { checkOptions } from "../store/check-options.ts"
import type { BackendInfo, RemoveBackendOptions, TestBackendOptions } from "../store/store.ts"
import { LONG } from "./deadline.ts"
import type { Link } from "./link.ts"
import { nameList } from "./name-list.ts"
import { jsonBody } from "./send-body.ts"

export async function listBackends(link: Link): Promise<string[]> {
  const { backends } = await link.json<{ backends: BackendInfo[] }>({ path: "/v1/backends" })
  return backends.map(({ name }) => name)
}

/** @throws StoredError UNKNOWN_BACKEND */
export async function getBackend(link: Link, name: string): Promise<BackendInfo> {
  return link.json<BackendInfo>({ path: `/v1/backends/${nameList([name])}` })
}

/** It is opened and asked something first. @throws StoredError INVALID_INPUT, INVALID_CONFIG, BACKEND_EXISTS, and why it cannot be used */
export function addBackend(link: Link, name: string, config: JsonObject): Promise<BackendInfo> {
  return sendSettings(link, name, config, { "if-none-match": "*" })
}

/** @throws StoredError INVALID_INPUT, INVALID_CONFIG, CONFLICT, and why it cannot be used */
export function setBackend(link: Link, name: string, config: JsonObject): Promise<BackendInfo> {
  return sendSettings(link, name, config, {})
}

async function sendSettings(
  link: Link,
  name: string,
  config: JsonObject,
  headers: Readonly<Record<string, string>>,
): Promise<BackendInfo> {
  return link.json<BackendInfo>({
    method: "PUT",
    path: `/v1/backends/${parseBackendName(name)}`,
    headers,
    body: jsonBody(config ?? null),
    deadline: Math.max(link.timeout, LONG),
  })
}

/** @throws StoredError UNKNOWN_BACKEND, TIMEOUT, and why it does not answer */
export async function testBackend(link: Link, name: string, options: TestBackendOptions = {}): Promise<BackendInfo> {
  checkOptions("testBackend", options)
  return link.json<BackendInfo>({
    method: "POST",
    path: `/v1/backends/${nameList([name])}/test`,
    query: { accept: options.accept?.toString() },
    deadline: Math.max(link.timeout, LONG),
  })
}

/** Every copy that is counted on is looked at first, which takes as long as there are copies. @throws StoredError LAST_COPY, UNKNOWN_BACKEND */
export async function removeBackend(link: Link, name: string, options: RemoveBackendOptions = {}): Promise<void> {
  checkOptions("removeBackend", options)
  const { force, signal } = options
  await link.finish({
    method: "DELETE",
    path: `/v1/backends/${nameList([name])}`,
    query: { force: force?.toString() },
    deadline: Math.max(link.timeout, LONG),
    signal,
  })
}
