/** A client that a stranger generates from the OpenAPI document: its types fit the compiler's strictest eye, and its functions do what they say. */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { beforeAll, expect, it } from "vitest"
import { run } from "../programs.ts"
import { generateClient, provideGenerator } from "./strangers-generator.ts"
import { type StrangersServer, startServer } from "./strangers-server.ts"

const COMPILER = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url))

/** What a user of the client writes. What it prints is looked at below. */
const USE = `
import { client } from "./client/client.gen.ts"
import * as stored from "./client/sdk.gen.ts"
import type { Metadata, Problem } from "./client/types.gen.ts"

client.setConfig({ baseUrl: process.argv[2]! })
const path = { key: "a folder/é.txt" }
const headers = { "Content-Type": "text/plain", "x-stored-metadata": '{"by":"me"}', "if-none-match": "*" }
const put = await stored.putObject({ path, headers, body: new Blob(["hello"]) })
const again = await stored.putObject({ path, headers, body: new Blob(["hello"]) })
const refusal: Problem | undefined = again.error
const code: Exclude<Problem["code"], undefined> | undefined = refusal?.code

// Without being told, this client makes of an answer what its type suggests: of text/plain a string.
const got = await stored.getObject({ path, parseAs: "blob" })
const bytes: Blob | File | undefined = got.data
const part = await stored.getObject({ path, headers: { range: "bytes=1-2" }, parseAs: "blob" })
const head = await stored.headObject({ path })

const copied = await stored.copyObject({ body: { from: path.key, to: "b" } })
const version: number | undefined = copied.data?.version
const record = await stored.getMetadata({ path: { idOrKey: path.key } })
const metadata: Metadata | undefined = record.data
const page = await stored.listObjects({ query: { prefix: "a folder/", limit: 10 } })
const keys: string[] | undefined = page.data?.objects.map(({ key }) => key)
const deleted = await stored.deleteObject({ path })
const gone = await stored.getMetadata({ path: { idOrKey: path.key } })
const many = await stored.deleteObjects({ body: { keys: ["b", "none"] } })
const health = await stored.getHealth()

const events: string[] = []
const over = new AbortController()
const { stream } = await stored.streamEvents({ query: { after: 0 }, signal: over.signal })
for await (const event of stream) {
  const { type, data }: { type: string; data: { [key: string]: unknown } } = event
  if (type === "put" || type === "delete") events.push(type + " " + String(data.key))
  if (type === "delete" && data.key === "b") break
}
over.abort()

console.log(JSON.stringify({
  put: [put.response?.status, put.data?.key, put.data?.isNew],
  refused: [again.response?.status, code, refusal?.retryable],
  got: [await bytes?.text(), got.response?.headers.get("content-type")],
  part: [part.response?.status, await part.data?.text()],
  head: head.response?.headers.get("content-length"),
  copied: version,
  metadata: [metadata?.key, metadata?.size, metadata?.custom],
  keys,
  deleted: [deleted.response?.status, deleted.data?.id === put.data?.id],
  gone: [gone.response?.status, gone.error?.code],
  many: many.data?.results.map((each) => ("error" in each ? each.error.code : each.key)),
  health: health.response?.status,
  events,
}))
process.exit(0)
`

/** As strict as it gets, and checked with everything that was generated. */
const STRICT = {
  compilerOptions: {
    ...{ strict: true, noUncheckedIndexedAccess: true, noEmit: true, skipLibCheck: true, types: ["node"] },
    ...{ module: "nodenext", target: "esnext", lib: ["esnext", "dom", "dom.iterable"] },
    ...{
      allowImportingTsExtensions: true,
      typeRoots: [fileURLToPath(new URL("../../node_modules/@types", import.meta.url))],
    },
  },
  include: ["use.ts", "client"],
}

let server: StrangersServer
beforeAll(async () => {
  await provideGenerator()
  server = await startServer()
}, 180_000)

it("a generated client fits its types, and does what it says", async () => {
  const folder = join(server.folder, "user")
  await mkdir(folder)
  await generateClient(`${server.url}/openapi.json`, join(folder, "client"))
  await writeFile(join(folder, "package.json"), '{ "type": "module" }')
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(STRICT))
  await writeFile(join(folder, "use.ts"), USE)
  const checked = await run(process.execPath, [COMPILER, "-p", folder]).catch((error: { stdout: string }) => error)
  expect(checked.stdout).toBe("")
  const { stdout } = await run(process.execPath, [join(folder, "use.ts"), server.url], { timeout: 60_000 })
  const key = "a folder/é.txt"
  expect(JSON.parse(stdout)).toEqual({
    put: [201, key, true],
    refused: [412, "CONFLICT", false],
    got: ["hello", "text/plain"],
    part: [206, "el"],
    head: "5",
    copied: 1,
    metadata: [key, 5, { by: "me" }],
    keys: [key],
    deleted: [200, true],
    gone: [404, "NOT_FOUND"],
    many: ["b", "NOT_FOUND"],
    health: 200,
    events: [`put ${key}`, "put b", `delete ${key}`, "delete b"],
  })
})
