/** Scans of a test, waited for. */
import type { OpenedStore } from "../../src/compose.ts"
import type { ScanOptions } from "../../src/store/store.ts"

type Opened = Pick<OpenedStore, "store" | "services">

/** Scans a backend to the end, and until nothing is left to look at. */
export async function scanned(opened: Opened, backend: string, options: ScanOptions = {}): Promise<void> {
  const { store, services } = opened
  const number = services.catalog.scan(backend).number
  const ended = new Promise<void>((resolve) => {
    const stop = store.on("scan", ({ backend: name, state }) => {
      if (name !== backend || state === "running") return
      stop()
      resolve()
    })
  })
  const scan = await store.scan(backend, options)
  await ended
  await lookedAt(opened, backend)
  // One that was under way already may have begun before what is to be seen.
  if (scan.number === number) await scanned(opened, backend, options)
}

/** Resolves once no place is left to be looked at. @throws where that takes half a minute */
export async function lookedAt({ services }: Pick<Opened, "services">, backend: string): Promise<void> {
  const until = performance.now() + 30_000
  // The count may be ahead of the rows by a moment; those are of one moment with what is read next.
  const isLeft = (): boolean =>
    services.catalog.scan(backend).looks > 0 || [...services.catalog.looks(backend, { limit: 1 })].length > 0
  while (isLeft()) {
    if (performance.now() > until)
      throw new Error(`looks at ${backend} do not end: ${[...services.catalog.looks(backend)]}`)
    await new Promise((resume) => setTimeout(resume, 5))
  }
  // What is read by the way of the cache is as of the last commit that has resolved: the looks' own may be on its way to the disk still.
  await services.catalog.commitReads(new Map())
}
