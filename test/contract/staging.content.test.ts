/** Staging on disk joins the suite; after each test no temporary file and no descriptor may be left. */
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished } from "vitest"
import { ContentStaging } from "../../src/staging/content-staging.ts"
import { stagingSuite } from "./staging.suite.ts"
import { damageFile } from "./staging-damage.ts"
import { hashers } from "./staging-sources.ts"

stagingSuite("content", async (settings) => {
  const directory = await mkdtemp(join(tmpdir(), "stored-staging-"))
  onTestFinished(async () => {
    expect(await readdir(join(directory, "tmp"))).toEqual([])
    await rm(directory, { recursive: true })
  })
  const staging = new ContentStaging({
    ...settings,
    directory,
    minFree: 0,
    hashers,
    clock: { now: () => Date.now() },
    onTrouble: (error) => {
      throw error
    },
  })
  await staging.open()
  await staging.recover(() => true)
  return { staging, damage: (id, kind) => damageFile(directory, id, kind) }
})
