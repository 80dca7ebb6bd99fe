/** What LMDB and JSON alone do of a stat and a list: the same number of rows, of about the same fields, and nothing else. */
import { mkdir } from "node:fs/promises"
import { open } from "lmdb"

export interface BareRows {
  /** stats of random keys, as many as asked for, a second */
  stats(calls: number): number
  /** objects listed a second, all of them so many times */
  list(turns: number): number
  close(): Promise<void>
}

const DIGEST = "d38dfa41955bd488a37c98221a3236928b0332a8eff1867828dfe478f0b5843f"
const TIME = 1_795_269_332_974

export async function openBareRows(
  directory: string,
  count: number,
  keyOf: (index: number) => string,
): Promise<BareRows> {
  await mkdir(directory, { recursive: true })
  const environment = open({ path: `${directory}/data.mdb`, noSync: true, maxDbs: 4 })
  const [objects, blobs, locations] = ["objects", "blobs", "locations"].map((name) =>
    environment.openDB<unknown, string>(name, { encoding: "json" }),
  ) as [typeof environment, typeof environment, typeof environment]
  const idOf = (index: number) => `sha256:${index.toString(16).padStart(8, "0")}${DIGEST.slice(8)}`
  await environment.transaction(() => {
    for (let index = 0; index < count; index += 1) {
      const [key, id] = [keyOf(index), idOf(index)]
      objects.put(key, [id, 1, 20, "image/jpeg", {}, "ACTIVE", TIME, TIME, 0, [["copy", 0]]])
      blobs.put(id, [20, { sha256: id.slice(7) }, "image/jpeg", TIME, TIME, 1, TIME, 1, 1, 0, 1, null, 0])
      locations.put(`copy\u0000${key}`, [0, id, null, 1, "pending", 0, null, null, null, TIME, TIME, index])
    }
  })
  return {
    stats: (calls) => {
      const keys = Array.from({ length: calls }, () => keyOf(Math.floor(Math.random() * count)))
      const begun = process.hrtime.bigint()
      for (const key of keys) {
        const object = objects.get(key) as [string]
        const blob = blobs.get(object[0]) as [number]
        const location = locations.get(`copy\u0000${key}`) as [0, string]
        if (blob[0] !== 20 || location[1] !== object[0]) throw new Error("bare: a wrong answer")
      }
      return perSecond(calls, begun)
    },
    list: (turns) => {
      const begun = process.hrtime.bigint()
      let found = 0
      for (let turn = 0; turn < turns; turn += 1) {
        for (const { value } of objects.getRange({ start: "photos/" })) found += (value as [string])[0] === "" ? 0 : 1
      }
      if (found !== count * turns) throw new Error(`bare: ${found / turns} objects instead of ${count}`)
      return perSecond(found, begun)
    },
    close: () => environment.close(),
  }
}

function perSecond(count: number, begun: bigint): number {
  return (count * 1e9) / Number(process.hrtime.bigint() - begun)
}
