/** A disk that fails in the middle of a commit (fault row 4): the answer is "unknown", nothing is taken after that, and a restart finds a whole catalog. */
import { describe, expect, it } from "vitest"
import { faultsOf } from "../contract/catalog.facts.ts"
import { emptyDirectory, openCatalog } from "./catalog-directory.ts"
import { inject, startCatalog } from "./catalog-process.ts"

interface Answer {
  refused: string | null
}

describe("I/O errors", () => {
  it.for(["fdatasync:error=EIO", "pwrite64:error=EIO"])("of %s leave the commit unknown", async (fault, context) => {
    const directory = await emptyDirectory()
    const child = startCatalog(directory)
    await child.ask("open")
    for (const key of ["a", "b", "c"]) expect(await child.ask<Answer>("put", key)).toMatchObject({ refused: null })
    await inject(context, child.pid, fault)
    expect(await child.ask<Answer>("put", "d")).toMatchObject({ refused: "COMMIT_UNKNOWN" })
    expect(await child.ask<Answer>("put", "e")).toMatchObject({ refused: "COMMIT_UNKNOWN" })
    expect(await child.ask<Answer>("delete", "a")).toMatchObject({ refused: "COMMIT_UNKNOWN" })
    expect(await child.ask("close")).toEqual({ unhandled: [] })
    await child.kill()

    const catalog = await openCatalog(directory)
    expect(Array.from(catalog.objects({ limit: 3 }), (object) => object.key)).toEqual(["a", "b", "c"])
    expect(catalog.object("e")).toBeNull()
    expect(await faultsOf(catalog)).toEqual([])
  })
})
