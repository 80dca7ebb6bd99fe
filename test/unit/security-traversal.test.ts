/**
 * Names that climb, at every place of every route where a text can stand: what lies beside a backend's folder and the data directory is never read, changed, added to or listed, and nothing answers 5xx. Each place gets another part of the corpus, so that
 * all of it is tried at every run; `STORED_TRAVERSAL=all` tries all of it at each place, which takes minutes.
 */
import { randomBytes } from "node:crypto"
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises"
import { Agent, request } from "node:http"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { expect, it, onTestFinished } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import { content } from "../../src/store/content.ts"
import { suspect } from "../../src/store/suspect.ts"
import { openTestStore, temporaryDirectory } from "../flow/open-store.ts"
import { decoded, EVERY_ROUTE, type Place, placesOf } from "./security-places.ts"
import { corpus } from "./security-traversal-corpus.ts"
import { TestDesk, TOKEN } from "./worker-desk.ts"

const ADMIN = "the-administrators-own-token"
const NOTIFIER = "the-token-of-notifications"
const CORPUS = 5_000
const ALL = process.env.STORED_TRAVERSAL === "all"
const SEED = Number(process.env.STORED_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const PARALLEL = 16
/** ms; whatever hangs longer has failed */
const DEADLINE = 30_000

async function world() {
  const directory = await temporaryDirectory()
  const root = join(directory, "root")
  for (const folder of [root, join(directory, "outside")]) await mkdir(folder)
  const secret = randomBytes(16).toString("hex")
  /** named by nothing in the corpus: only a list could tell of it */
  const unnamed = `unnamed-${randomBytes(6).toString("hex")}`
  await writeFile(join(directory, "canary.txt"), secret)
  await writeFile(join(directory, "outside", "canary.txt"), secret)
  await writeFile(join(directory, "outside", unnamed), secret)
  const opened = await openTestStore({
    data: join(directory, "data"),
    backends: { a: { driver: "fs", root, scan: { secret: NOTIFIER } } },
    defaultBackends: ["a"],
  })
  const { store, services } = opened
  const app = buildApp({
    store,
    adminToken: ADMIN,
    internal: {
      token: TOKEN,
      services: () => ({
        desk: new TestDesk(),
        content: (id, size, signal, except) => content(services, id, size, signal, except),
        suspect: (id) => suspect(services, id).then(() => {}),
      }),
    },
  })
  await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  const { port } = app.server.address() as { port: number }
  const targets = [
    "canary.txt",
    "outside/canary.txt",
    "outside/",
    "etc/passwd",
    join(directory, "canary.txt"),
    join(directory, "outside/canary.txt"),
    "/etc/passwd",
  ]
  const look = () => surroundings(directory, ["root", "data"])
  return { store, directory, root, port, secret, unnamed, targets, look }
}

/** Everything below a folder but what lies in some of its own, with what would show that it was written to. */
async function surroundings(directory: string, without: readonly string[]): Promise<unknown[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const paths = entries
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !without.some((name) => path.startsWith(`${join(directory, name)}/`)))
  return Promise.all(
    [...paths].sort().map(async (path) => {
      const { size, mtimeMs, mode, isFile } = await stat(path).then((found) => ({
        ...found,
        isFile: found.isFile(),
      }))
      if (without.some((name) => path === join(directory, name))) return path
      return [path, size, mtimeMs, mode, isFile ? await readFile(path, "utf8") : null]
    }),
  )
}

interface Answer {
  /** 0 where the connection was cut without one */
  status: number
  said: string
}

function ask(agent: Agent, port: number, place: Place, name: string): Promise<Answer> {
  const { target, body } = place.fill(name)
  const { route } = place
  const bearer =
    "scope" in route.policy && route.policy.scope === "worker" ? TOKEN : route.operation === "notify" ? NOTIFIER : ADMIN
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const timer = setTimeout(() => reject(new Error(`no answer: ${place.what} ${name}`)), DEADLINE)
  const sent = request(
    {
      agent,
      port,
      host: "127.0.0.1",
      method: route.method,
      path: target,
      headers: {
        host: "localhost",
        authorization: `Bearer ${bearer}`,
        ...(body !== null && { "content-length": Buffer.byteLength(body) }),
      },
    },
    (answer) => {
      const status = answer.statusCode ?? 0
      // A stream without end.
      if (answer.headers["content-type"] === "text/event-stream") {
        answer.destroy()
        return resolve({ status, said: "" })
      }
      text(answer).then((said) => resolve({ status, said: said + JSON.stringify(answer.headers) }), reject)
    },
  )
  sent.on("error", () => resolve({ status: 0, said: "" }))
  sent.end(body ?? undefined)
  return promise.finally(() => clearTimeout(timer))
}

/** Whether a name that was percent-encoded once is no key, told without the code that is tested. */
function isClimbing(name: string): boolean {
  let key: string
  try {
    key = decodeURIComponent(name)
  } catch {
    return true
  }
  const hasControl = [...key].some((char) => char < " " || (char >= "\u007f" && char <= "\u009f"))
  return hasControl || key.split("/").some((part) => part === "" || part === "." || part === "..")
}

/** Fields that hold a whole key, or several. */
const KEYS = /body\.(?:from|to|name|keys\[\])$/
/** What names a file, a token or a backend to be made may be called as one likes; one bad key of many fails alone. */
const FREE = new Set(["createToken", "deleteObjects"])

/** Whether whatever climbs must be refused there, and not only be harmless. */
function refusesClimbing({ kind, what, route }: Place): boolean {
  if (kind === "path") return true
  return kind === "body" && KEYS.test(what) && !FREE.has(route.operation) && !/archive body\.name/.test(what)
}

it("the corpus is large, of many kinds, and the same for the same seed", () => {
  const names = corpus(CORPUS, 7, ["canary.txt", "/etc/passwd"])
  expect(new Set(names).size).toBe(CORPUS)
  expect(names).toEqual(corpus(CORPUS, 7, ["canary.txt", "/etc/passwd"]))
  for (const part of ["../", "%2e%2e%2f", "%252e", "%c0%ae", "%ef%bc%8e", "%5c", "%00", "C:", "host", "/etc/passwd"])
    expect(names.filter((name) => name.includes(part)).length, part).toBeGreaterThan(20)
  expect(names.filter(isClimbing).length).toBeGreaterThan(CORPUS / 3)
  expect(names.filter((name) => !/^[\x21-\x7e]+$/.test(name))).toEqual([])
})

it("finds the places of names in paths, queries and bodies", () => {
  const places = EVERY_ROUTE.flatMap(placesOf).map(({ what }) => what)
  expect(places).toEqual(
    expect.arrayContaining([
      "PUT /v1/objects/{key}",
      "GET /v1/objects query.prefix",
      "GET /v1/objects query.after",
      "GET /v1/archive query.prefix",
      "POST /v1/copy body.from",
      "POST /v1/archive body.keys[]",
      "POST /v1/backends/{name}/scan",
      "DELETE /v1/tokens/{id}",
      "GET /internal/content/{id} query.key",
      "POST /v1/signed-urls body.name",
    ]),
  )
})

it("nothing beside the folders of backends and data is read, changed or listed, at whatever place a name climbs", {
  timeout: ALL ? 3_600_000 : 300_000,
}, async () => {
  const { store, port, secret, unnamed, targets, look } = await world()
  const before = await look()
  const names = corpus(CORPUS, SEED, targets)
  const places = EVERY_ROUTE.flatMap(placesOf)
  const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL })
  onTestFinished(() => agent.destroy())
  const failures: string[] = []
  const statuses: Record<number, number> = {}
  const tried = new Set<string>()

  const work = places
    .flatMap((place, index) => {
      const step = ALL ? 1 : places.length
      return names.filter((_, at) => (at + index) % step === 0).map((name) => ({ place, name }))
    })
    .values()
  const send = async (): Promise<void> => {
    for (const { place, name } of work) {
      const { status, said } = await ask(agent, port, place, name)
      tried.add(name)
      statuses[status] = (statuses[status] ?? 0) + 1
      const shown = `${place.what} ${name} -> ${status} ${said.slice(0, 300)}`
      if (status >= 500 || status === 0) failures.push(`not answered well: ${shown}`)
      if (said.includes(secret) || said.includes(unnamed) || said.includes("root:x:0:0"))
        failures.push(`told: ${shown}`)
      const isName = place.kind === "path" ? isClimbing(name) : isClimbing(encodeURIComponent(decoded(name)))
      if (status < 400 && isName && refusesClimbing(place)) failures.push(`taken: ${shown}`)
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, send))

  expect(failures.slice(0, 20), `seed ${SEED}`).toEqual([])
  expect(await look(), `seed ${SEED}`).toEqual(before)
  // It got past the first check, and everywhere.
  expect(tried.size).toBe(CORPUS)
  for (const status of [200, 201, 400, 404]) expect(statuses[status], `${status}, seed ${SEED}`).toBeGreaterThan(0)
  for await (const { key } of store.list()) {
    const { stream } = await store.open(key)
    expect(await text(stream), key).not.toContain(secret)
  }
})
