/**
 * Answers as an empty bucket does and closes each connection after its answer; says its port. Stopped (SIGSTOP), it accepts no connection, and with its short
 * backlog full the system answers no further attempt: nobody can connect, and nobody is refused.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

const LISTING = `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated></ListBucketResult>`

const server = createServer((request, response) => {
  response.setHeader("connection", "close")
  const isListing = request.method === "GET" && (request.url ?? "").includes("list-type=2")
  if (isListing) response.setHeader("content-type", "application/xml")
  response.statusCode = isListing ? 200 : 404
  request.resume().once("end", () => response.end(isListing ? LISTING : ""))
})
server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
})
