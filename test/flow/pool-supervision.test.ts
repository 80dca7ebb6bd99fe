/** What the pool does when its members start slowly, crash, end or hang: with stand-ins for server and worker that do as a file says. */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type RedisServer, startRedis } from "../redis-server.ts"
import { temporaryDirectory } from "./open-store.ts"
import { isAlive, type PoolProcess, startPool } from "./pool-lines.ts"

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

/** `ends` are the codes of its first lives, soon after they are healthy; then it stays. It is unhealthy the first three times that it is asked. */
const SERVER = `
import { createServer } from "node:http"
import { readFileSync, writeFileSync } from "node:fs"
const lives = JSON.parse(readFileSync("server.json", "utf8"))
const code = lives.shift()
writeFileSync("server.json", JSON.stringify(lives))
let asked = 0
const server = createServer((request, response) => {
  asked += 1
  if (asked === 4) console.log("healthy")
  response.writeHead(asked < 4 ? 503 : 200).end()
  if (asked === 4 && code !== undefined) response.on("close", () => process.exit(code))
})
server.listen(Number(process.env.STORED_PORT), "127.0.0.1", () => {
  console.log("token " + process.env.STORED_WORKER_TOKEN)
  console.log("StoreD listens on http://127.0.0.1:" + server.address().port)
})
process.on("SIGTERM", () => { console.log("asked to end"); process.exit(0) })
`

async function pool(server: number[], worker: string, env: Record<string, string> = {}): Promise<PoolProcess> {
  const directory = await temporaryDirectory()
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, "server.mjs"), SERVER)
  await writeFile(join(directory, "server.json"), JSON.stringify(server))
  await writeFile(join(directory, "worker.mjs"), worker)
  const procfile = join(directory, "Procfile")
  const node = `cd '${directory}' && exec '${process.execPath}'`
  await writeFile(procfile, `# stand-ins\nserver: ${node} server.mjs\nworker: ${node} worker.mjs\n`)
  return startPool({ REDIS_URL: redis.url, ...env }, ["--workers", "1", "-f", procfile])
}

const STAYS =
  'console.log("token " + process.env.STORED_WORKER_TOKEN, process.env.STORED_URL); setInterval(() => {}, 60_000)'

test("workers start once the server is healthy, with its address and a token that nobody had to think of", async () => {
  const { line, lines, child, ended } = await pool([], STAYS)
  const [, token, url] = await line(/^worker\.1 *\| token (\S{32,}) (\S+)$/)
  expect(lines.indexOf("server   | healthy")).toBeGreaterThan(0)
  expect(lines.findIndex((text) => text.includes("worker.1 started"))).toBeGreaterThan(
    lines.indexOf("server   | healthy"),
  )
  expect(lines).toContain(`server   | token ${token}`)
  expect(lines).toContain(`server   | StoreD listens on ${url}`)
  // Two signals at once are one: a terminal sends its own to everybody, and some pass it on besides.
  child.kill("SIGINT")
  child.kill("SIGTERM")
  expect(await ended).toBe(0)
  expect(lines.slice(-3)).toEqual([
    "pool     | worker.1 was ended by SIGTERM",
    "server   | asked to end",
    "pool     | server ended with 0",
  ])
})

test("a token that is set is handed on", async () => {
  const { line } = await pool([], STAYS, { STORED_WORKER_TOKEN: "0123456789abcdef" })
  await line(/^worker\.1 *\| token 0123456789abcdef /)
})

test("a server that ends with 70 is started again on its port, and the workers stay", async () => {
  const { line, lines } = await pool([70, 70], STAYS)
  const [, port] = await line(/StoreD listens on \S+:(\d+)/)
  await line(/server ended with 70; it is started again in 1000 ms/)
  const mark = lines.length
  expect((await line(/StoreD listens on \S+:(\d+)/, mark))[1]).toBe(port)
  expect(lines.filter((text) => text.includes("worker.1 started"))).toHaveLength(1)
})

test.each([[1], [2], [7]])("a server that ends with %d ends the pool, workers first, with that code", async (code) => {
  const { lines, ended, line } = await pool([code], STAYS)
  await line(new RegExp(`server ended with ${code}$`))
  expect(await ended).toBe(code)
  expect(lines.some((text) => text.includes("started again"))).toBe(false)
})

test("a worker that crashes is started again, each time after a longer pause; one that ends by itself ends the pool", async () => {
  const crashes = `
    import { existsSync, writeFileSync } from "node:fs"
    const life = ["one", "two"].find((name) => !existsSync(name))
    if (life) { writeFileSync(life, ""); process.exit(1) }
    process.exit(0)`
  const { line, ended, lines } = await pool([], crashes)
  await line(/worker\.1 ended with 1; it is started again in 1000 ms/)
  await line(/worker\.1 ended with 1; it is started again in 2000 ms/)
  expect(await ended).toBe(0)
  expect(lines).toContain("pool     | worker.1 ended with 0")
  expect(lines.at(-1)).toBe("pool     | server ended with 0")
})

test("a worker that was started wrongly ends the pool with its code", async () => {
  const { ended } = await pool([], "process.exit(2)")
  expect(await ended).toBe(2)
})

test("a second signal, later, kills what does not end", async () => {
  const stuck =
    'process.on("SIGTERM", () => console.log("no")); console.log("stuck", process.pid); setInterval(() => {}, 60_000)'
  const { line, lines, child, ended } = await pool([], stuck)
  const [, pid] = await line(/stuck (\d+)/)
  child.kill("SIGTERM")
  await line(/^worker\.1 *\| no/)
  const again = setInterval(() => child.kill("SIGTERM"), 100)
  const code = await ended
  clearInterval(again)
  expect(code).toBe(1)
  expect(isAlive(Number(pid))).toBe(false)
  expect(lines.join()).not.toMatch(/did not end within/)
})
