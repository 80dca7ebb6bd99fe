/**
 * A form in a browser, and a store behind it: `node server.ts DATA [PORT]`. The body of each upload is a stream, handed on as it comes: memory does not grow
 * with the size of files, and an upload that breaks off leaves nothing behind.
 */
import { createReadStream } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"
import { createStore, isStoredError } from "stored"

const [data = ".stored", port = "8080"] = process.argv.slice(2)
const store = await createStore({
  data,
  backends: { files: { driver: "fs", root: join(data, "files") } },
  defaultBackends: ["files"],
})
const PAGE = new URL("index.html", import.meta.url)

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === "GET" && request.url === "/") {
    response.setHeader("content-type", "text/html; charset=utf-8")
    return pipeline(createReadStream(PAGE), response)
  }
  if (request.method !== "PUT" || !request.url?.startsWith("/upload/")) return void response.writeHead(404).end()
  // A page of another site may not write here in the name of whoever looks at it.
  if (request.headers.origin && new URL(request.headers.origin).host !== request.headers.host)
    return void response.writeHead(403).end()
  const key = `uploads/${decodeURIComponent(request.url.slice("/upload/".length))}`
  const { id, size } = await store.put(request, { key })
  response.writeHead(201, { "content-type": "application/json" }).end(JSON.stringify({ key, id, size }))
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    const refused = isStoredError(error) && !error.retryable
    const text = isStoredError(error) ? error.message : "This failed by a fault of the server."
    if (!response.headersSent) response.writeHead(refused ? 400 : 500, { "content-type": "text/plain" }).end(text)
    else response.destroy()
  })
})
server.listen(Number(port), "127.0.0.1", () => {
  const { port } = server.address() as { port: number }
  console.log(`open http://127.0.0.1:${port}/`)
})

const end = (): void => {
  server.close(() => store.close().then(() => process.exit(0)))
  server.closeIdleConnections()
}
process.once("SIGINT", end).once("SIGTERM", end)
