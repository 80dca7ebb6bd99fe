import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { LmdbCatalog } from "../../src/catalog/lmdb/catalog.ts"
import { catalogSuite } from "./catalog.suite.ts"

catalogSuite("lmdb", async () => {
  const directory = await mkdtemp(join(tmpdir(), "stored-catalog-"))
  const open = async () => {
    const catalog = new LmdbCatalog({ directory, reserveBytes: 4096 })
    await catalog.open()
    return catalog
  }
  let catalog = await open()
  return {
    catalog,
    async reopen() {
      await catalog.close()
      catalog = await open()
      return catalog
    },
    async end() {
      await catalog.close()
      await rm(directory, { recursive: true })
    },
  }
})
