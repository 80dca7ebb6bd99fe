/** The servers whose doors are measured, each a process of its own on a free port with an empty directory. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, mkdtemp, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { isInstalled } from "./command.ts"
import { STARTED } from "./limits.ts"

export interface Door {
  name: string
  origin: string
  pid: number
  /** how a body is put */
  put: "put" | "tus"
  /** what comes before the name of a body where it is put and read */
  folder: string
  end(): Promise<void>
}

/** Long enough for a cold start beside other work. */
const START_DEADLINE = 120_000
/** What StoreD takes for itself, for every other Node too. */
const THREADS = { UV_THREADPOOL_SIZE: "16" }

/**
 * Ours, as `npm start` runs it. Its copies wait: they would go beside the puts and take half of the machine from them.
 * @param env further variables of its environment
 */
export async function openOurs(place: string, env: Record<string, string> = {}): Promise<Door> {
  const directory = await mkdtemp(join(place, "ours-"))
  const config = join(directory, "stored.json")
  const settings = {
    cache: { maxSize: "1TB" },
    backends: { copy: { driver: "fs", root: join(directory, "copy") } },
    defaultBackends: ["copy"],
  }
  await writeFile(config, JSON.stringify(settings))
  const door = await start("StoreD", [...STARTED, file("../src/server.ts")], {
    STORED_PORT: "0",
    STORED_DATA: join(directory, "data"),
    STORED_CONFIG: config,
    ...env,
  })
  const paused = await fetch(`${door.origin}/v1/backends/copy/pause`, { method: "POST" })
  if (!paused.ok) throw new Error(`The backend was not paused: ${paused.status}`)
  return { ...door, put: "put", folder: "/v1/objects/" }
}

export async function openBare(place: string): Promise<Door> {
  const door = await start("bare node:http", [file("doors-bare.ts"), await mkdtemp(join(place, "bare-"))])
  return { ...door, put: "put", folder: "/" }
}

export async function openTus(place: string): Promise<Door> {
  const door = await start("@tus/server", [file("doors-tus.ts"), await mkdtemp(join(place, "tus-"))])
  return { ...door, put: "tus", folder: "/files/" }
}

/** Null where it is not installed. It hashes nothing and syncs nothing. */
export async function openNginx(place: string): Promise<Door | null> {
  if (!(await isInstalled("nginx"))) return null
  const directory = await mkdtemp(join(place, "nginx-"))
  await Promise.all(["root", "body"].map((name) => mkdir(join(directory, name))))
  const port = await freePort()
  const config = join(directory, "nginx.conf")
  await writeFile(
    config,
    `daemon off; ${process.getuid?.() === 0 ? "user root;" : ""} worker_processes auto; pid ${directory}/pid; error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000; client_max_body_size 0;
  client_body_temp_path ${directory}/body; client_body_buffer_size 1m;
  server { listen 127.0.0.1:${port}; location / { root ${directory}/root; dav_methods PUT; } }
}
`,
  )
  const child = spawn("nginx", ["-e", "stderr", "-p", directory, "-c", config], {
    stdio: ["ignore", "ignore", "inherit"],
  })
  leash(child)
  const origin = `http://127.0.0.1:${port}`
  const deadline = AbortSignal.timeout(START_DEADLINE)
  while (!(await fetch(origin, { signal: deadline }).catch(() => null))) deadline.throwIfAborted()
  const end = (): Promise<void> => endProcess(child)
  return { name: "nginx (syncs nothing)", origin, pid: child.pid!, put: "put", folder: "/", end }
}

async function start(name: string, words: string[], env: Record<string, string> = {}) {
  const { STORED_URL, STORED_ADMIN_TOKEN, REDIS_URL, ...inherited } = process.env
  const child = spawn(process.execPath, words, {
    env: { ...inherited, ...THREADS, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  })
  leash(child)
  const [said] = (await Promise.race([
    once(child.stdout, "data", { signal: AbortSignal.timeout(START_DEADLINE) }),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`${name} ended with ${code} before it listened.`))),
  ])) as [Buffer]
  const origin = /listens on (\S+)/.exec(said.toString())?.[1]
  if (!origin) throw new Error(`${name} did not say where it listens: ${said}`)
  return { name, origin, pid: child.pid!, end: () => endProcess(child) }
}

/** No server outlives the benchmark, however that ends. */
function leash(child: ChildProcess): void {
  const kill = (): void => void child.kill("SIGKILL")
  process.once("exit", kill)
  child.once("exit", () => process.off("exit", kill))
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = once(child, "exit")
  child.kill("SIGTERM")
  await ended
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1")
  await once(probe, "listening")
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, "close")
  return port
}

function file(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url))
}
