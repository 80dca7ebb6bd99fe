/** kill -9 of a writer, thirty times in the same directory: nothing that was acknowledged is lost, nothing is there by half. */
import { describe, expect, it } from "vitest"
import { faultsOf } from "../contract/catalog.facts.ts"
import { emptyDirectory, openCatalog } from "./catalog-directory.ts"
import { type CatalogProcess, startCatalog } from "./catalog-process.ts"

const ROUNDS = 30

describe("kill -9", () => {
  it("loses no acknowledged commit", { timeout: 180_000 }, async () => {
    const directory = await emptyDirectory()
    let acknowledged = 0
    let next = startCatalog(directory)
    for (let round = 0; round < ROUNDS; round += 1) {
      const child = next
      // Starting takes longest; the next process does so while this one is looked into.
      next = startCatalog(directory)
      const acked = await writeAndKill(child, `r${round}`, 20 + round * 11)
      acknowledged += acked.length
      const catalog = await openCatalog(directory)
      const journal = new Set(
        Array.from(catalog.journal({ after: 0 }), ({ command, key, detail }) => `${command} ${key} ${detail.version}`),
      )
      expect(acked.filter((put) => !journal.has(`put ${put.key} ${put.version}`))).toEqual([])
      // What was deleted since has a later record; everything else is still an object.
      const gone = acked.filter(
        ({ key, version }) => !catalog.object(key) && !journal.has(`delete ${key} ${version + 1}`),
      )
      expect(gone).toEqual([])
      if (round % 10 === 9) expect(await faultsOf(catalog)).toEqual([])
      await catalog.close()
    }
    expect(acknowledged).toBeGreaterThan(ROUNDS * 20)
  })
})

/** Lets a process write until so many puts are acknowledged, then kills it in whatever it does. */
async function writeAndKill(
  child: CatalogProcess,
  name: string,
  puts: number,
): Promise<{ key: string; version: number }[]> {
  expect(await child.ask("open")).toEqual({ refused: null })
  const acked: { key: string; version: number }[] = []
  await new Promise<void>((resolve) => {
    child.stream("write", name, (line) => {
      acked.push({ key: String(line.acked), version: Number(line.version) })
      if (acked.length === puts) resolve()
    })
  })
  await child.kill()
  return acked
}
