/**
 * A process with a store of its own on two `fs` backends, for a disk to fail under it. Takes lines of JSON on stdin, answers each with a line on stdout;
 * says `{"corrupt": id}` when staged bytes were put aside. `node eio-child.ts <directory>`.
 */
import { createHash } from "node:crypto"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { openStore } from "../../src/compose.ts"
import { examine } from "../../src/doctor/doctor.ts"
import type { GetOptions } from "../../src/index.ts"
import { bytesOf } from "./store-harness.ts"

const [directory = ""] = process.argv.slice(2)
const roots = { a: join(directory, "a"), b: join(directory, "b") }
for (const root of Object.values(roots)) await mkdir(root)
const backends = { a: { driver: "fs", root: roots.a }, b: { driver: "fs", root: roots.b } }
// The pauses are long enough for the disk to be mended between two tries.
const retry = { baseDelay: 500, maxDelay: 500, maxAttempts: 5 }
const opened = await openStore({ data: join(directory, "data"), backends, checksums: ["sha256", "md5"] }, { retry })
const { store, services } = opened
const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)
store.on("staging:corrupt", ({ checksum }) => tell({ corrupt: checksum }))

interface Asked {
  command: string
  key: string
  size?: number
  seed?: number
  backends?: string[]
  options?: GetOptions
}

/** What a reader has seen: the digest of what came to a clean end, or the error's code, and how many bytes came before. */
async function read({ key, options = {} }: Asked): Promise<object> {
  const hash = createHash("sha256")
  let bytes = 0
  try {
    const { stream, ...others } = options
    const found = stream ? await store.get(key, { ...others, stream }) : [await store.get(key, others)]
    for await (const chunk of found) {
      bytes += (chunk as Buffer).length
      hash.update(chunk as Buffer)
    }
    return { bytes, sha256: hash.digest("hex") }
  } catch (error) {
    return { bytes, code: (error as { code?: string }).code, details: (error as { details?: unknown }).details }
  }
}

const commands: Record<string, (asked: Asked) => Promise<object>> = {
  async put({ key, size = 0, seed = 1, backends = ["a", "b"] }) {
    const { id } = await store.put(bytesOf(seed, size), { key, backends, durability: "all" })
    await store.idle()
    for await (const file of services.staging.list()) if (file.id === id) return { id, path: file.path }
    return { id, path: null }
  },
  /** Does not wait for any copy. */
  async start({ key, size = 0, seed = 1, backends = ["b"] }) {
    return { id: (await store.put(bytesOf(seed, size), { key, backends })).id }
  },
  read,
  async clear() {
    await store.cache.clear()
    return {}
  },
  async stat({ key }) {
    const found = await store.stat(key)
    return {
      staged: found?.staged,
      states: found?.locations.map(({ state }) => state),
      error: [...store.failed()][0]?.error,
    }
  },
  async synced({ key }) {
    return store.synced(key).then(
      () => ({ code: null }),
      (error: { code?: string }) => ({ code: error.code }),
    )
  },
  async idle() {
    await store.idle()
    return {}
  },
  async retry() {
    return { retried: await store.retry() }
  },
  async doctor() {
    const { findings } = await examine(services)
    return { findings: findings.filter(({ severity }) => severity !== "note") }
  },
}

tell({ ready: true })
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line) as Asked
  tell({ answer: await commands[asked.command]!(asked) })
}
await store.close()
