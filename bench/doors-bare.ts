/**
 * What a door costs at least in Node: `node:http` alone. A PUT is hashed, written beside its place, synced and renamed; a GET is read from its file.
 * No key is parsed, no record is kept, and nobody is asked who he is.
 */
import { createHash } from "node:crypto"
import { createReadStream, createWriteStream } from "node:fs"
import { rename, stat } from "node:fs/promises"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"
import { announce } from "./doors-announce.ts"

const directory = process.argv[2]!
let puts = 0

async function put(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
  const hash = createHash("sha256")
  request.on("data", (chunk: Buffer) => hash.update(chunk))
  const temporary = join(directory, `.${puts++}`)
  await pipeline(request, createWriteStream(temporary, { flags: "wx", flush: true }))
  await rename(temporary, path)
  const answer = JSON.stringify({ id: `sha256:${hash.digest("hex")}` })
  response.writeHead(201, { "content-length": Buffer.byteLength(answer) }).end(answer)
}

async function get(response: ServerResponse, path: string): Promise<void> {
  const { size } = await stat(path)
  response.writeHead(200, { "content-length": size })
  await pipeline(createReadStream(path), response)
}

const server = createServer((request, response) => {
  const path = join(directory, request.url!.slice(1))
  const work = request.method === "PUT" ? put(request, response, path) : get(response, path)
  // The client checks what it gets; one that has all of it may go before this end notices.
  work.catch(() => response.destroy())
})
announce(server)
