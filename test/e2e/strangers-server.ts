/** The service as strangers meet it: a process of its own with one folder as its backend, and bytes to ask it for. One serves a whole file of tests. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type ServerProcess, startProcess } from "../flow/server-process.ts"
import { whenFileIsOver } from "./file-over.ts"

export interface StrangersServer extends ServerProcess {
  port: number
  /** where tests may write files of their own */
  folder: string
  /** the address of an object */
  at(key: string): string
}

/** For `beforeAll`; it ends with the last test. */
export async function startServer(env: Record<string, string> = {}): Promise<StrangersServer> {
  const folder = await mkdtemp(join(tmpdir(), "stored-test-"))
  // Called in turn from the last: the server ends before its folder goes.
  whenFileIsOver(() => rm(folder, { recursive: true, force: true }))
  const server = await startProcess({ STORED_DATA: join(folder, "data"), ...env }, undefined, whenFileIsOver)
  const { url } = server
  return { ...server, port: Number(new URL(url).port), folder, at: (key) => `${url}/v1/objects/${key}` }
}

/** Puts bytes there. @returns the object's ETag */
export async function give(
  server: StrangersServer,
  key: string,
  bytes: Buffer | string,
  type?: string,
): Promise<string> {
  const answer = await fetch(server.at(key), {
    method: "PUT",
    body: Buffer.from(bytes),
    ...(type !== undefined && { headers: { "content-type": type } }),
  })
  const said = await answer.text()
  if (!answer.ok) throw new Error(`${key} was refused with ${answer.status}: ${said}`)
  return answer.headers.get("etag") ?? ""
}
