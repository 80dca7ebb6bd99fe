/**
 * Workers on a host: `node worker-host.ts COUNT`, with REDIS_URL, STORED_URL and STORED_WORKER_TOKEN as the server has them. One that ends by itself is
 * started again; Ctrl-C or SIGTERM ends all, after their running jobs. systemd or Kubernetes do the same without a line of this.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const PAUSE = 1_000
const worker = fileURLToPath(new URL("dist/workers/main.js", import.meta.resolve("stored/package.json")))
const running = new Set<ChildProcess>()
let ending = false

function start(): void {
  if (ending) return
  const child = spawn(process.execPath, [worker], { stdio: "inherit" })
  running.add(child)
  child.once("exit", (code) => {
    running.delete(child)
    if (ending) return
    console.error(`a worker ended with ${code}; another one starts in ${PAUSE} ms`)
    setTimeout(start, PAUSE)
  })
}

function end(): void {
  ending = true
  for (const child of running) child.kill("SIGTERM")
  // A pause before a start would keep this process; there is nothing left to start.
  Promise.all([...running].map((child) => new Promise((resolve) => child.once("exit", resolve)))).then(() =>
    process.exit(0),
  )
}

for (let count = Number(process.argv[2] ?? 2); count > 0; count -= 1) start()
process.once("SIGINT", end).once("SIGTERM", end)
