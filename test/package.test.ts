/**
 * The package as a stranger gets it: packed, installed into an empty project, and used from JavaScript, from TypeScript and as a command. It is
 * packed in a copy of the project, so that the working tree is left alone.
 */
import { execFile } from "node:child_process"
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, test } from "vitest"

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL("..", import.meta.url))
const PACKED = [
  "src",
  "queues",
  "workers",
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "README.md",
  "CHANGELOG.md",
]
/** The Node that runs this test is the one that npm and the command run on. */
const environment = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) }

const APP = `
import { createStore, StoredError } from "stored"
import { randomBytes } from "node:crypto"
const store = await createStore({
  data: "data",
  backends: { local: { driver: "fs", root: "copies" } },
  defaultBackends: ["local"],
  checksums: ["blake3", "xxh3", "sha256"],
})
const small = await store.put(Buffer.from("the quick brown fox"), { key: "fox.txt", metadata: { album: "2026" } })
const bytes = randomBytes(3_000_000)
await store.put(bytes, { key: "large/random.bin" })
await store.idle()
const large = await store.stat("large/random.bin")
const keys = []
for await (const object of store.list()) keys.push(object.key)
const refusal = await store.get("nothing").then(() => null, (error) => error)
process.stdout.write(JSON.stringify({
  small: small.id,
  text: (await store.get("fox.txt")).toString(),
  checksums: large.checksums,
  state: large.checksumState,
  synced: large.locations.every((location) => location.synced),
  equal: bytes.equals(await store.get("xxh3:" + large.checksums.xxh3)),
  keys,
  refusal: refusal instanceof StoredError && refusal.code,
}))
await store.close()
`

const TYPED = `
import {
  connect, createStore, isStoredError, NotFoundError, runDoctor, UnauthorizedError,
  type CopiedEntry, type CopyOptions, type CopyPair, type DeletedEntry, type DeleteManyOptions, type IssuedToken, type Metadata,
  type PutResult, type Scope, type Store, type StoreFace, type TokenInfo, type TokenSettings,
} from "stored"
const store: Store = await createStore({
  backends: { local: { driver: "fs", root: "./data" } },
  defaultBackends: ["local"],
})
const record: PutResult = await store.put(Buffer.from("x"), { key: "x", durability: "copies:1" })
const bytes: Buffer = await store.get(record.key)
const stream: NodeJS.ReadableStream = await store.get(record.id, { stream: true })
const metadata: Metadata | null = await store.stat("x")
store.on("put", ({ checksum, key }) => console.log(checksum, key, bytes.length, stream.readable, metadata?.size))
for await (const object of store.list({ prefix: "photos/" })) console.log(object.key, object.checksum, object.size)
try {
  // @ts-expect-error a key is a string
  await store.put(bytes, { key: 7 })
} catch (error) {
  if (isStoredError(error)) console.log(error.code === "INVALID_KEY", error.retryable)
}
const faces: StoreFace[] = [store, connect("http://127.0.0.1:7070", { token: "t" })]
for (const face of faces) for await (const job of face.failed()) console.log(job.error?.code, (await face.status()).objects)
const scopes: Scope[] = ["read"]
const settings: TokenSettings = { name: "camera", scopes, quota: { bytes: 1 } }
const issued: IssuedToken = await store.tokens.create(settings, { idempotencyKey: "1" })
const known: TokenInfo[] = await faces[0].tokens.list()
const options: CopyOptions = { ifAbsent: true }
await store.copy("x", "y", options)
const pair: CopyPair = { from: "x", to: "z" }
const copied: CopiedEntry[] = []
for await (const entry of store.copyMany([pair])) copied.push(entry)
const many: DeleteManyOptions = { idempotencyKey: "2" }
const deleted: DeletedEntry[] = await store.deleteMany(["x"], many)
const fault: unknown = await store.get("x").catch((error: unknown) => error)
if (fault instanceof NotFoundError || fault instanceof UnauthorizedError) console.log(fault.statusCode.toFixed(), issued.token, known.length)
for (const entry of [...copied, ...deleted]) console.log("error" in entry ? entry.error.code : entry.id)
console.log((await runDoctor({})).clean)
`

let directory = ""
let project = ""
let version = ""

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "stored-package-"))
  const copy = join(directory, "copy")
  project = join(directory, "project")
  await Promise.all([mkdir(copy), mkdir(project)])
  for (const name of PACKED) await cp(join(ROOT, name), join(copy, name), { recursive: true })
  await symlink(join(ROOT, "node_modules"), join(copy, "node_modules"))
  version = (JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { version: string }).version
  await run("npm", ["pack", "--pack-destination", directory], { cwd: copy, env: environment })
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }))
  await writeFile(join(project, "app.mjs"), APP)
  await writeFile(join(project, "typed.ts"), TYPED)
  const tarball = join(directory, `stored-${version}.tgz`)
  await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball], {
    cwd: project,
    env: environment,
  })
}, 300_000)
afterAll(() => rm(directory, { recursive: true, force: true }))

test("from JavaScript: put, get, list, ids by blake3, side checksums by the threads of the package", async () => {
  const { stdout } = await run(process.execPath, ["app.mjs"], { cwd: project })
  expect(JSON.parse(stdout)).toEqual({
    small: expect.stringMatching(/^blake3:[0-9a-f]{64}$/),
    text: "the quick brown fox",
    checksums: {
      blake3: expect.stringMatching(/^[0-9a-f]{64}$/),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      xxh3: expect.stringMatching(/^[0-9a-f]{16}$/),
    },
    state: "complete",
    synced: true,
    equal: true,
    keys: ["fox.txt", "large/random.bin"],
    refusal: "NOT_FOUND",
  })
})

test("what the README shows runs as it stands", async () => {
  const readme = await readFile(join(project, "node_modules/stored/README.md"), "utf8")
  const [, example = ""] = /```ts\n([\s\S]*?)```/.exec(readme) ?? []
  expect(example.trim().split("\n").length).toBeLessThanOrEqual(10)
  const folder = join(project, "readme")
  await mkdir(folder)
  await writeFile(join(folder, "holiday.png"), "a picture")
  await writeFile(join(folder, "example.mjs"), example)
  const { stdout } = await run(process.execPath, ["example.mjs"], { cwd: folder })
  expect(stdout).toMatch(/^photos\/holiday\.png sha256:[0-9a-f]{64} 9\n9 \[/)
  expect(stdout).toContain("synced: true")
})

test("from TypeScript: the shipped types pass the strict compiler, and refuse what is wrong", async () => {
  const options = {
    strict: true,
    module: "NodeNext",
    target: "ES2024",
    noEmit: true,
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
  }
  await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["typed.ts"] }))
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc")
  const outcome = await run(process.execPath, [compiler, "-p", "."], { cwd: project }).catch(
    (error: { stdout: string }) => error,
  )
  expect(outcome.stdout).toBe("")
})

test("as a command: `stored --version`", async () => {
  const { stdout } = await run("npx", ["--no", "--", "stored", "--version"], { cwd: project, env: environment })
  expect(stdout.trim()).toBe(version)
})

test("the package has what it needs and nothing of the workshop", async () => {
  const { stdout } = await run("tar", ["-tzf", join(directory, `stored-${version}.tgz`)])
  const files = stdout.trim().split("\n")
  expect(files).toEqual(
    expect.arrayContaining(["package/dist/src/index.js", "package/dist/src/index.d.ts", "package/README.md"]),
  )
  expect(files.filter((file) => /(^|\/)(test|bench)\/|(?<!\.d)\.ts$/.test(file))).toEqual([])
})
