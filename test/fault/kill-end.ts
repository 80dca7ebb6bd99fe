/** The end of a kill loop: after the last restart every copy is made without anybody asking, and everything is where it should be. */
import { readdir } from "node:fs/promises"
import { join, relative } from "node:path"
import { read, readShared, type World } from "./kill-client.ts"
import type { KillConfig } from "./kill-loop.ts"
import type { OwnKey } from "./kill-model.ts"
import { ServerProcess } from "./kill-server.ts"

const SYNC_DEADLINE = 60_000

export async function checkEnd(options: KillConfig & { world: World; own: OwnKey[] }): Promise<void> {
  const { environment, roots, world, own } = options
  const server = ServerProcess.start(environment)
  try {
    await server.ready()
    for (const key of own) await read("GET", key, world, server)
    for (const key of world.shared) await readShared(key, world, server)
    const listed = await listAll(server)
    for (const { key, possible } of own) {
      const isThere = possible[0] !== null
      if (isThere !== listed.has(key))
        world.failures.push(`${key} is ${isThere ? "not listed" : "listed, though deleted"}`)
    }
    await allSynced(server, [...listed], world)
    for (const root of roots) await compareBackend(root, listed, world)
  } catch (error) {
    world.failures.push(error instanceof Error ? error.message : String(error))
  } finally {
    await server.kill()
  }
}

async function listAll(server: ServerProcess): Promise<Set<string>> {
  const keys = new Set<string>()
  let cursor: string | null = ""
  while (cursor !== null) {
    const answer = await server.send("GET", `/v1/objects?limit=40${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)
    const page = JSON.parse(answer.body.toString()) as { objects: { key: string }[]; cursor: string | null }
    for (const { key } of page.objects) keys.add(key)
    cursor = page.cursor
  }
  return keys
}

/** A server in another process gives no signal for this over HTTP: it is asked again and again, within a deadline. */
async function allSynced(server: ServerProcess, keys: string[], world: World): Promise<void> {
  const deadline = performance.now() + SYNC_DEADLINE
  for (const key of keys) {
    for (;;) {
      const answer = await server.send("GET", `/v1/metadata/${encodeURIComponent(key)}`)
      const { locations } = JSON.parse(answer.body.toString()) as { locations: { synced: boolean }[] }
      if (locations.length === 2 && locations.every((location) => location.synced)) break
      if (performance.now() > deadline) {
        world.failures.push(
          `${key} is not synced ${SYNC_DEADLINE} ms after the last restart: ${answer.body.toString()}`,
        )
        return
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** The backend holds exactly the keys that are listed: nothing that was deleted came back or stayed. */
async function compareBackend(root: string, listed: Set<string>, world: World): Promise<void> {
  const deadline = performance.now() + SYNC_DEADLINE
  for (;;) {
    const entries = await readdir(root, { recursive: true, withFileTypes: true })
    const keys = entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    const extra = keys.filter((key) => !listed.has(key))
    const missing = [...listed].filter((key) => !keys.includes(key))
    if (extra.length === 0 && missing.length === 0) return
    if (missing.length > 0 || performance.now() > deadline) {
      world.failures.push(`${root} has too much: ${extra.slice(0, 5)}; lacks: ${missing.slice(0, 5)}`)
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
