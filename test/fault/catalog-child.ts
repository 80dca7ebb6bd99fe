/**
 * A process with a catalog of its own, for tests that kill it, slow its disk or break it. Takes lines of JSON on stdin, answers each with a line
 * on stdout. `node catalog-child.ts <directory>`.
 */
import { createInterface } from "node:readline"
import { LmdbCatalog } from "../../src/catalog/lmdb/catalog.ts"
import { faultsOf, put, refusal, settle } from "../contract/catalog.facts.ts"

const [directory = ""] = process.argv.slice(2)
const catalog = new LmdbCatalog({ directory, reserveBytes: 4096, address: "http://127.0.0.1:1" })
const unhandled: string[] = []
process.on("unhandledRejection", (error) => void unhandled.push(String(error)))

const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

/** Puts `count` keys `<name>-<n>`, `width` at a time, and tells of each as soon as it is acknowledged. */
async function write(name: string, count: number, width: number): Promise<void> {
  let next = 0
  const work = async (): Promise<void> => {
    while (next < count) {
      const key = `${name}-${next++}`
      const { object } = await put(catalog, { key, content: `${name}-${next % 100}`, sideChecksums: ["md5"] })
      tell({ acked: key, version: object.version })
      if (next % 3 === 0) await settle(catalog, key, "done")
      if (next % 5 === 0) await catalog.commitDelete({ key: `${name}-${next - 5}`, time: 1 })
    }
  }
  await Promise.all(Array.from({ length: width }, work))
}

const commands: Record<string, (argument: string) => Promise<object>> = {
  async open() {
    return { refused: await refusal(catalog.open()) }
  },
  async put(key) {
    const start = performance.now()
    const refused = await refusal(put(catalog, { key }))
    return { refused, elapsed: performance.now() - start }
  },
  async delete(key) {
    const start = performance.now()
    const refused = await refusal(catalog.commitDelete({ key, time: 2 }))
    return { refused, elapsed: performance.now() - start }
  },
  async write(name) {
    await write(name, 1_000_000, 16)
    return {}
  },
  async verify() {
    return { faults: await faultsOf(catalog), unhandled }
  },
  async close() {
    await catalog.close()
    return { unhandled }
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const { command, argument = "" } = JSON.parse(line) as { command: string; argument?: string }
  tell(await commands[command]!(argument))
}
