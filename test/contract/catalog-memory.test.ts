import { MemoryCatalog } from "../../src/catalog/memory.ts"
import { catalogSuite } from "./catalog.suite.ts"

catalogSuite("memory", async () => {
  const catalog = new MemoryCatalog()
  await catalog.open()
  return {
    catalog,
    async reopen() {
      await catalog.close()
      await catalog.open()
      return catalog
    },
    end: () => catalog.close(),
  }
})
