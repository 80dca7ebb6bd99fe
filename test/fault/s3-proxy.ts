/**
 * Stands before a real S3 server and makes it fail: each request is passed on, or meets the fault that the test asks for. The server behind does what it
 * does; only what no real server can be made to say is said by the proxy itself.
 */
import { once } from "node:events"
import { type ClientRequest, createServer, type IncomingMessage, request, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

export interface S3Request {
  method: string
  /** decoded, with the bucket */
  path: string
  /** `PutObject`, `UploadPart` … */
  operation: string
  part: number | null
  headers: IncomingMessage["headers"]
  /** from 1, among requests of the same operation */
  nth: number
}

export type Fault =
  /** the proxy answers itself; the server never hears of it */
  | { answer: number; body?: string; headers?: Record<string, string> }
  /** the server does it, the client never hears of it */
  | "lose-answer"
  /** nobody ever hears anything */
  | "stall"
  /** the connection is reset before the server hears of it */
  | "reset"
  /** the connection is reset after so many bytes of the request's body */
  | { resetAfter: number }
  /** the connection is reset after so many bytes of the answer's body */
  | { cutAfter: number }
  /** the answer's body stops after so many bytes, and the connection stays */
  | { stallAfter: number }
  /** one bit of the request's body at that byte is another */
  | { flip: number }
  /** the server's answer is changed */
  | { change(answer: { status: number; headers: Record<string, unknown> }): void; body?: (body: Buffer) => Buffer }

export interface S3Proxy {
  endpoint: string
  /** what happens to a request; null passes it on. May wait. */
  fault: (request: S3Request) => Fault | null | Promise<Fault | null>
  /** every request so far */
  seen: S3Request[]
  count(operation: string): number
  /** Forgets what was seen, so that requests count from here. */
  forget(): void
  close(): void
}

export async function openS3Proxy(endpoint: string): Promise<S3Proxy> {
  const target = new URL(endpoint)
  const counts = new Map<string, number>()
  const proxy: S3Proxy = {
    endpoint: "",
    fault: () => null,
    seen: [],
    count: (operation) => counts.get(operation) ?? 0,
    forget: () => {
      counts.clear()
      proxy.seen = []
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
  const server = createServer((incoming, outgoing) => {
    const seen = describe(incoming, counts)
    proxy.seen.push(seen)
    incoming.on("error", () => {})
    outgoing.on("error", () => {})
    void Promise.resolve(proxy.fault(seen)).then((fault) => pass(target, incoming, outgoing, fault))
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  proxy.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return proxy
}

function pass(target: URL, incoming: IncomingMessage, outgoing: ServerResponse, fault: Fault | null): void {
  if (fault === "stall") return
  if (fault === "reset") return void incoming.socket.resetAndDestroy()
  if (fault && typeof fault === "object" && "answer" in fault) {
    incoming.resume()
    outgoing.writeHead(fault.answer, { "content-type": "application/xml", ...fault.headers })
    return void outgoing.end(fault.body ?? "")
  }
  const onward = request({
    host: target.hostname,
    port: target.port,
    method: incoming.method,
    path: incoming.url,
    headers: incoming.headers,
  })
  // The server's own faults are the client's: it sees its connection end.
  onward.on("error", () => incoming.socket.destroy())
  onward.on("response", (answer) => answerWith(answer, outgoing, fault))
  // A client that is killed takes its connection to the server with it.
  incoming.on("close", () => {
    if (!incoming.complete) onward.destroy()
  })
  forward(incoming, onward, fault)
}

function forward(incoming: IncomingMessage, onward: ClientRequest, fault: Fault | null): void {
  let sent = 0
  incoming.on("data", (chunk: Buffer) => {
    if (fault && typeof fault === "object" && "resetAfter" in fault && sent + chunk.length >= fault.resetAfter) {
      incoming.socket.resetAndDestroy()
      onward.destroy()
      return
    }
    if (
      fault &&
      typeof fault === "object" &&
      "flip" in fault &&
      fault.flip >= sent &&
      fault.flip < sent + chunk.length
    ) {
      chunk[fault.flip - sent]! ^= 1
    }
    sent += chunk.length
    onward.write(chunk)
  })
  incoming.on("end", () => onward.end())
}

function answerWith(answer: IncomingMessage, outgoing: ServerResponse, fault: Fault | null): void {
  answer.on("error", () => outgoing.destroy())
  if (fault === "lose-answer") {
    answer.resume()
    return void answer.once("end", () => outgoing.socket?.resetAndDestroy())
  }
  const limit = fault && typeof fault === "object" ? limitOf(fault) : null
  if (limit) {
    let left = limit.bytes
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
    answer.on("data", (chunk: Buffer) => {
      if (left <= 0) return
      outgoing.write(chunk.subarray(0, left), () => {
        if (left <= 0 && limit.end) outgoing.socket?.resetAndDestroy()
      })
      left -= chunk.length
    })
    return
  }
  if (fault && typeof fault === "object" && "change" in fault) {
    const told = { status: answer.statusCode ?? 500, headers: { ...answer.headers } as Record<string, unknown> }
    const chunks: Buffer[] = []
    answer.on("data", (chunk: Buffer) => chunks.push(chunk))
    return void answer.once("end", () => {
      fault.change(told)
      outgoing.writeHead(told.status, told.headers as Record<string, string>)
      const body = Buffer.concat(chunks)
      outgoing.end(fault.body ? fault.body(body) : body)
    })
  }
  outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
  answer.pipe(outgoing)
}

function limitOf(fault: object): { bytes: number; end: boolean } | null {
  if ("cutAfter" in fault) return { bytes: fault.cutAfter as number, end: true }
  return "stallAfter" in fault ? { bytes: fault.stallAfter as number, end: false } : null
}

function describe(incoming: IncomingMessage, counts: Map<string, number>): S3Request {
  const url = new URL(incoming.url ?? "/", "http://s3")
  const method = incoming.method ?? ""
  const path = decodeURIComponent(url.pathname)
  const copies = incoming.headers["x-amz-copy-source"] !== undefined
  const operation = copies ? "CopyObject" : operationOf(method, url.searchParams, path)
  const nth = (counts.get(operation) ?? 0) + 1
  counts.set(operation, nth)
  const part = url.searchParams.get("partNumber")
  return { method, path, operation, part: part === null ? null : Number(part), headers: incoming.headers, nth }
}

function operationOf(method: string, query: URLSearchParams, path: string): string {
  if (path.includes("/.stored-tmp/uploads/")) return `${method} note`
  if (query.has("uploads")) return method === "POST" ? "CreateMultipartUpload" : "ListMultipartUploads"
  if (query.has("uploadId")) {
    const ofUpload: Record<string, string> = {
      PUT: "UploadPart",
      POST: "CompleteMultipartUpload",
      GET: "ListParts",
      DELETE: "AbortMultipartUpload",
    }
    return ofUpload[method] ?? method
  }
  if (query.has("list-type")) return "ListObjects"
  const plain: Record<string, string> = {
    PUT: "PutObject",
    GET: "GetObject",
    HEAD: "HeadObject",
    DELETE: "DeleteObject",
    POST: "DeleteObjects",
  }
  return plain[method] ?? method
}

/** An error as S3 servers write it. */
export function errorBody(code: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>as asked</Message></Error>`
}
