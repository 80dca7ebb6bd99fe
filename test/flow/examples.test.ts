/** The examples as users run them: beside an installed package, compiled by the strict compiler, and started with Node. */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, unlink, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest"
import { provideProgram } from "../programs.ts"
import { type RedisServer, startRedis } from "../redis-server.ts"

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL("../..", import.meta.url))
const COMPILER = join(ROOT, "node_modules/typescript/bin/tsc")
const TOKEN = "a-token-of-the-examples"

let directory = ""
let installed = ""
let redis: RedisServer

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "stored-examples-"))
  installed = join(directory, "node_modules/stored")
  await mkdir(installed, { recursive: true })
  // What npm would unpack, with the dependencies that stand here.
  const [build] = await Promise.all([
    run(process.execPath, [COMPILER, "-p", join(ROOT, "tsconfig.build.json"), "--outDir", join(installed, "dist")]),
    cp(join(ROOT, "package.json"), join(installed, "package.json")),
    symlink(join(ROOT, "node_modules"), join(installed, "node_modules")),
    symlink(join(ROOT, "node_modules/@types"), join(directory, "node_modules/@types")),
    cp(join(ROOT, "examples"), join(directory, "examples"), { recursive: true }),
    writeFile(join(directory, "package.json"), JSON.stringify({ private: true, type: "module" })),
  ])
  expect(build.stderr).toBe("")
  // It imports the sources of the checkout, and has a suite of its own.
  await rm(join(directory, "examples/drivers"), { recursive: true })
  redis = await startRedis()
}, 300_000)
afterAll(async () => {
  await redis?.stop()
  await rm(directory, { recursive: true, force: true })
})

const example = (name: string): string => join(directory, "examples", name)

interface Running {
  child: ChildProcess
  /** Resolves with the first line that matches; rejects where the program ends without. */
  line(pattern: RegExp): Promise<RegExpExecArray>
  end(): Promise<number | null>
}

function start(words: string[], env: Record<string, string> = {}): Running {
  const { STORED_URL, STORED_CONFIG, STORED_TOKEN, STORED_ADMIN_TOKEN, REDIS_URL, ...inherited } = process.env
  const child = spawn(process.execPath, words, { env: { ...inherited, ...env } })
  const ended = once(child, "close").then(([code]) => code as number | null)
  onTestFinished(async () => {
    child.kill("SIGKILL")
    await ended
  })
  let said = ""
  const heard = (chunk: Buffer): void => {
    said += chunk.toString()
    child.emit("heard")
  }
  child.stdout.on("data", heard)
  child.stderr.on("data", heard)
  const line = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(said)
        if (found) resolve(found)
      }
      child.on("heard", look)
      look()
      ended.then((code) => reject(new Error(`${pattern} was not said; ended with ${code}: ${said}`)))
    })
  const end = (): Promise<number | null> => {
    child.kill("SIGTERM")
    return ended
  }
  return { child, line, end }
}

async function lines(words: string[], env: Record<string, string> = {}): Promise<string[]> {
  const { stdout } = await run(process.execPath, words, { env: { ...process.env, ...env } })
  return stdout.trim().split("\n")
}

function serve(data: string, env: Record<string, string>): Running {
  const settings = { STORED_DATA: join(directory, data), STORED_PORT: "0", ...env }
  return start([join(installed, "dist/src/cli/main.js"), "serve"], settings)
}

test("all of them pass the strict compiler against the shipped types", async () => {
  const compilerOptions = {
    strict: true,
    module: "NodeNext",
    target: "ES2024",
    noEmit: true,
    erasableSyntaxOnly: true,
    skipLibCheck: true,
    types: ["node"],
  }
  await writeFile(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["examples"] }))
  const outcome = await run(process.execPath, [COMPILER, "-p", directory]).catch((error: { stdout: string }) => error)
  expect(outcome.stdout).toBe("")
})

test("embedded, and restored from a backup that lacks one of its copies", async () => {
  const data = join(directory, "embed")
  const said = await lines([example("embed.ts"), data])
  expect(said.slice(1)).toEqual([
    "copy first true",
    "copy second true",
    "got buy milk",
    "listed notes/today.txt 8",
    "refused CONFLICT",
  ])
  await unlink(join(data, "second/notes/today.txt"))
  const backup = join(directory, "backup")
  await rename(data, backup)
  const restored = await lines([example("restore-backup.ts"), backup, join(directory, "restored")])
  expect(restored).toContain("checked 1 objects, 2 copies; 1 mended")
  expect(restored.at(-1)).toMatch(/^notes\/today\.txt sha256:/)
})

test("a client with a token for one folder", async () => {
  const server = serve("service", { STORED_ADMIN_TOKEN: TOKEN })
  const url = (await server.line(/listens on (\S+)/))[1]!
  const said = await lines([example("service-client.ts")], { STORED_URL: url, STORED_TOKEN: TOKEN })
  expect(said).toEqual(["put camera/1.jpg", "refused FORBIDDEN", "refused FORBIDDEN", "got an image"])
  expect(await server.end()).toBe(0)
})

test("a form in a browser", async () => {
  const server = start([example("upload-form/server.ts"), join(directory, "form"), "0"])
  const url = (await server.line(/open (\S+)/))[1]!
  expect(await (await fetch(url)).text()).toContain("onprogress")
  const upload = (headers: Record<string, string>) =>
    fetch(`${url}upload/a%20file.txt`, { method: "PUT", body: "hello", headers })
  const stored = await upload({ origin: new URL(url).origin })
  expect([stored.status, await stored.json()]).toEqual([
    201,
    { key: "uploads/a file.txt", id: expect.stringMatching(/^sha256:/), size: 5 },
  ])
  expect((await upload({ origin: "http://elsewhere.example" })).status).toBe(403)
  expect((await fetch(`${url}upload/..%2F..%2Fx`, { method: "PUT", body: "x" })).status).toBe(400)
  expect(await server.end()).toBe(0)
})

test("a folder that is watched", async () => {
  const folder = join(directory, "folder")
  await mkdir(folder)
  await writeFile(join(folder, "old.txt"), "old")
  const watch = start([example("watch-folder.ts"), folder, join(directory, "watch-data")])
  await watch.line(/found 1/)
  await watch.line(/watching/)
  await writeFile(join(folder, "new.txt"), "new")
  await watch.line(/found 1[\s\S]*found 1/)
  await unlink(join(folder, "old.txt"))
  await watch.line(/missing folder\/old\.txt/)
  expect(await watch.end()).toBe(0)
})

test("a host of workers", async () => {
  const both = { REDIS_URL: redis.url, STORED_WORKER_TOKEN: TOKEN, STORED_ADMIN_TOKEN: TOKEN }
  const server = serve("pool", { ...both, STORED_QUEUE_PREFIX: `examples-${process.pid}` })
  const url = (await server.line(/listens on (\S+)/))[1]!
  const host = start([example("worker-host.ts"), "1"], { ...both, STORED_URL: url })
  const headers = { authorization: `Bearer ${TOKEN}` }
  await fetch(`${url}/v1/objects/x`, { method: "PUT", body: "x", headers })
  const synced = await fetch(`${url}/v1/synced/x?wait=30000`, { headers })
  expect(synced.status).toBe(200)
  expect(await host.end()).toBe(0)
  expect(await server.end()).toBe(0)
})

test("the nginx of docs/deploy.md hands on puts, ranges, events, WebSockets and what a page sends", async () => {
  await provideProgram("nginx", ["-v"], "nginx-light")
  const server = serve("proxied", { STORED_ADMIN_TOKEN: TOKEN })
  const url = (await server.line(/listens on (\S+)/))[1]!
  const place = join(directory, "nginx")
  await mkdir(place)
  const [certificate, key, port] = [join(place, "certificate.pem"), join(place, "key.pem"), await freePort()]
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
  await run("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, ...names])
  const page = await readFile(join(ROOT, "docs/deploy.md"), "utf8")
  const said = /```nginx\n([\s\S]*?)```/.exec(page)![1]!
  const block = said
    .replace("listen 443", `listen 127.0.0.1:${port}`)
    .replace("/etc/ssl/blobs.example.com.pem", certificate)
    .replace("/etc/ssl/blobs.example.com.key", key)
    .replace("http://127.0.0.1:7070", url)
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
  const around = temporary.map((name) => `${name}_temp_path ${place}/${name};`).join(" ")
  const config = join(place, "nginx.conf")
  await writeFile(config, `daemon off; pid ${place}/pid; events {} http { access_log off; ${around} ${block} }`)
  await run("nginx", ["-t", "-e", "stderr", "-p", place, "-c", config])
  const nginx = spawn("nginx", ["-e", "stderr", "-p", place, "-c", config], { stdio: "ignore" })
  onTestFinished(async () => {
    nginx.kill("SIGTERM")
    if (nginx.exitCode === null) await once(nginx, "exit")
  })
  const common = ["-sS", "--cacert", certificate, "--retry", "20", "--retry-connrefused", "--retry-delay", "1"]
  const curl = async (path: string, ...words: string[]): Promise<string> => {
    const address = `https://localhost:${port}${path}`
    const token = ["-H", `Authorization: Bearer ${TOKEN}`]
    return (await run("curl", [...common, ...token, ...words, address])).stdout
  }
  // Above nginx's own limit of a body, 1 MiB.
  const large = join(place, "large")
  await writeFile(large, Buffer.alloc(3_000_000, "0123456789"))
  expect(JSON.parse(await curl("/v1/objects/large", "-T", large))).toMatchObject({ key: "large", size: 3_000_000 })
  expect(await curl("/v1/objects/large", "-r", "5-12")).toBe("56789012")
  const events = start(
    [
      "-e",
      `fetch(process.argv[1], { headers: { authorization: process.argv[2] } }).then(async ({ body }) => {
      for await (const chunk of body) process.stdout.write(chunk)
    })`,
      `https://localhost:${port}/v1/events?after=0`,
      `Bearer ${TOKEN}`,
    ],
    { NODE_EXTRA_CA_CERTS: certificate },
  )
  await events.line(/event: put/)
  // A page says its port with its origin, and the server compares that with its Host.
  expect(await curl("/v1/objects/large", "-r", "0-3", "-H", `Origin: https://localhost:${port}`)).toBe("0123")
  const socket = start(
    [
      "-e",
      `const socket = new WebSocket(process.argv[1], ["stored", process.argv[2]])
      socket.onmessage = ({ data }) => console.log(data)
      socket.onerror = ({ message }) => console.log("error", message)`,
      `wss://localhost:${port}/v1/events?after=0`,
      `bearer.${TOKEN}`,
    ],
    { NODE_EXTRA_CA_CERTS: certificate },
  )
  await socket.line(/"type":"hello"/)
  await socket.line(/"type":"put"/)
})

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1")
  await once(probe, "listening")
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, "close")
  return port
}
