/** Memory staging joins the suite. */
import { MemoryStaging } from "../../src/staging/memory-staging.ts"
import { stagingSuite } from "./staging.suite.ts"
import { hashers } from "./staging-sources.ts"

stagingSuite("memory", async (settings) => {
  const staging = new MemoryStaging({ ...settings, hashers })
  await staging.open()
  await staging.recover()
  return {
    staging,
    damage: async (id, kind) => {
      const bytes = Buffer.from(staging.contents.get(id)!)
      if (kind === "flip") bytes[bytes.length >> 1]! ^= 1
      staging.contents.set(id, kind === "flip" ? bytes : bytes.subarray(0, bytes.length >> 1))
    },
  }
})
