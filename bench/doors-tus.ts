/** `@tus/server` with its store of files, as its manual starts it; files have the names that the client gives, so that they can be read back. */
import { createServer } from "node:http"
import { FileStore } from "@tus/file-store"
import { Server } from "@tus/server"
import { announce } from "./doors-announce.ts"

const tus = new Server({
  path: "/files",
  datastore: new FileStore({ directory: process.argv[2]! }),
  namingFunction: (_request, metadata) => metadata?.filename ?? "unnamed",
})
announce(createServer((request, response) => void tus.handle(request, response)))
// It ends a body twice where a reader of it goes away; as a service it would be started again.
process.on("uncaughtException", (error) => void process.stderr.write(`@tus/server: ${error.message}\n`))
