/** One client of the mixed load: puts new, changed and same contents, reads, asks, deletes and lists, until it is told to stop. */
import type { ContentMaker } from "./kill-content.ts"
import { contentId } from "./kill-content.ts"
import type { OwnKey, SharedKey } from "./kill-model.ts"
import type { SeededRandom } from "./kill-random.ts"
import { type Answer, objectPath, type ServerProcess } from "./kill-server.ts"

export interface World {
  contents: ContentMaker
  shared: SharedKey[]
  /** every failure, as a sentence */
  failures: string[]
  operations: number
  /** puts and deletes that were answered */
  acknowledged: number
}

export interface Client {
  own: OwnKey[]
  random: SeededRandom
}

/** Works until the server dies. Calls of one client come one after the other. */
export async function runClient(client: Client, world: World, server: ServerProcess): Promise<void> {
  while (!server.dying) await chooseOperation(client, world, server)
}

function chooseOperation(client: Client, world: World, server: ServerProcess): Promise<void> {
  const { random, own } = client
  const kind = random.next()
  const key = random.pick(own)
  if (kind < 0.42) return put(key, client, world, server)
  if (kind < 0.5) return put(random.pick(world.shared), client, world, server)
  if (kind < 0.7) return read("GET", key, world, server)
  if (kind < 0.78) return read("HEAD", key, world, server)
  if (kind < 0.9) return remove(key, world, server)
  return list(world, server)
}

/** The answer, or null where the kill took it. A connection that breaks while the server lives is a failure. */
async function send(
  world: World,
  server: ServerProcess,
  method: string,
  path: string,
  body?: Uint8Array,
): Promise<Answer | null> {
  world.operations += 1
  try {
    return await server.send(method, path, body)
  } catch (error) {
    if (!server.dying) world.failures.push(`${method} ${path} broke while the server lived: ${String(error)}`)
    return null
  }
}

async function put(key: OwnKey | SharedKey, { random }: Client, world: World, server: ServerProcess): Promise<void> {
  const content = world.contents.make(random)
  const acknowledge = key.begin(content.id)
  const answer = await send(world, server, "PUT", objectPath(key.key), content.bytes)
  if (!answer) return
  if (!isPut(answer, content.id)) return unexpected(world, "PUT", key.key, answer)
  world.acknowledged += 1
  const fault = acknowledge(Number((JSON.parse(answer.body.toString()) as { version: number }).version))
  if (fault) world.failures.push(fault)
}

function isPut(answer: Answer, id: string): boolean {
  if (answer.status !== 200 && answer.status !== 201) return false
  return (JSON.parse(answer.body.toString()) as { id: string }).id === id
}

/** Reads a key as it must be now. */
export async function read(method: "GET" | "HEAD", key: OwnKey, world: World, server: ServerProcess): Promise<void> {
  const answer = await send(world, server, method, objectPath(key.key))
  if (!answer) return
  if (answer.status !== 200 && answer.status !== 404) return unexpected(world, method, key.key, answer)
  const isAbsent = answer.status === 404
  if (method === "HEAD" && !isAbsent) {
    if (key.possible.every((state) => state === null)) world.failures.push(`HEAD ${key.key} found what was deleted`)
    return
  }
  const fault = key.observe(isAbsent ? null : contentId(answer.body))
  if (fault) world.failures.push(`${method}: ${fault}`)
}

/** Reads a shared key while nobody puts to it. */
export async function readShared(key: SharedKey, world: World, server: ServerProcess): Promise<void> {
  const [metadata, content] = await Promise.all([
    send(world, server, "GET", `/v1/metadata/${encodeURIComponent(key.key)}`),
    send(world, server, "GET", objectPath(key.key)),
  ])
  if (!metadata || !content) return
  if (metadata.status === 404 && content.status === 404) {
    const fault = key.observe(null)
    if (fault) world.failures.push(fault)
    return
  }
  if (metadata.status !== 200) return unexpected(world, "GET metadata", key.key, metadata)
  if (content.status !== 200) return unexpected(world, "GET", key.key, content)
  const { id, version } = JSON.parse(metadata.body.toString()) as { id: string; version: number }
  if (contentId(content.body) !== id) world.failures.push(`${key.key} gave bytes that do not hash to ${id}`)
  const fault = key.observe({ id, version })
  if (fault) world.failures.push(fault)
}

async function remove(key: OwnKey, world: World, server: ServerProcess): Promise<void> {
  const mayBeAbsent = key.possible.includes(null)
  const acknowledge = key.begin(null)
  const answer = await send(world, server, "DELETE", objectPath(key.key))
  if (!answer) return
  if (answer.status === 404 && !mayBeAbsent) world.failures.push(`DELETE ${key.key}: an acknowledged put is lost`)
  if (answer.status !== 404 && (answer.status < 200 || answer.status > 299))
    return unexpected(world, "DELETE", key.key, answer)
  world.acknowledged += 1
  acknowledge()
}

async function list(world: World, server: ServerProcess): Promise<void> {
  const answer = await send(world, server, "GET", "/v1/objects?prefix=own/&limit=50")
  if (!answer) return
  if (answer.status !== 200) return unexpected(world, "GET", "/v1/objects", answer)
  const { objects } = JSON.parse(answer.body.toString()) as { objects: { key: string }[] }
  const keys = objects.map((object) => object.key)
  if (keys.some((key, index) => index > 0 && key <= (keys[index - 1] ?? "")))
    world.failures.push("a listing is not in the order of its keys")
}

function unexpected(world: World, method: string, key: string, answer: Answer): void {
  world.failures.push(`${method} ${key} answered ${answer.status}: ${answer.body.toString().slice(0, 300)}`)
}
