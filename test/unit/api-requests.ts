/** The blob that tests of the routes put, and what they look at in a problem. */
import { createHash } from "node:crypto"
import { expect } from "vitest"
import type { TestServer } from "./api-server.ts"

export const HELLO = Buffer.from("hello, world")
export const HELLO_HEX = createHash("sha256").update(HELLO).digest("hex")

export const put = (
  server: TestServer,
  key: string,
  body: string | Buffer = HELLO,
  headers: Record<string, string> = {},
) => fetch(`${server.url}/v1/objects/${key}`, { method: "PUT", body, headers })

export async function problem(response: Response): Promise<[number, unknown]> {
  expect(response.headers.get("content-type")).toBe("application/problem+json")
  const body = (await response.json()) as Record<string, unknown>
  expect(body.status).toBe(response.status)
  expect(body.type).toBe(body.code === undefined ? "about:blank" : `urn:stored:error:${body.code}`)
  expect(String(body.detail)).toMatch(/\.$/)
  expect(JSON.stringify(body)).not.toMatch(/\bat .*\.ts:/)
  return [response.status, body.code]
}
