/** Listing over real HTTP. */
import { describe, expect, it } from "vitest"
import { HELLO_HEX, problem, put } from "./api-requests.ts"
import { listen } from "./api-server.ts"
import { mapStore } from "./map-store.ts"

describe("listing", () => {
  it("pages through every key in order", async () => {
    const server = await listen(mapStore())
    const keys = Array.from({ length: 25 }, (_, index) => `p/${String(index).padStart(2, "0")}é`)
    for (const key of [...keys, "q"]) await put(server, encodeURIComponent(key))
    const seen: string[] = []
    let cursor: string | null = ""
    let pages = 0
    while (cursor !== null) {
      const query: string = `prefix=p/&limit=10${cursor && `&cursor=${cursor}`}`
      const page = (await (await fetch(`${server.url}/v1/objects?${query}`)).json()) as {
        objects: { key: string; checksum: string; size: number }[]
        cursor: string | null
      }
      expect(page.objects[0]).toMatchObject({ checksum: `sha256:${HELLO_HEX}`, size: 12, version: 1 })
      seen.push(...page.objects.map((object) => object.key))
      cursor = page.cursor
      pages += 1
    }
    expect(seen).toEqual(keys)
    expect(pages).toBe(3)
  })

  it.each(["limit=0", "limit=1001", "limit=x", "cursor=%2Fa", "cursor=Li4", "nonsense=1", "prefix=a&prefix=b"])(
    "refuses ?%s",
    async (query) => {
      const server = await listen(mapStore())
      expect(await problem(await fetch(`${server.url}/v1/objects?${query}`))).toEqual([400, "INVALID_INPUT"])
    },
  )
})
