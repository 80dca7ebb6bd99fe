/** A folder beside a memory backend, and the command line on a store that has both. */
import { onTestFinished } from "vitest"
import type { Access } from "../../src/cli/command-line.ts"
import type { OpenedStore } from "../../src/compose.ts"
import { StoredError } from "../../src/core/error.ts"
import { type LineOptions, runLine, type Said } from "./cli-line.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"

export type Line = OpenedStore & {
  folder: string
  access: Access
  run(words: string[], more?: Partial<LineOptions>): Promise<Said>
}

/** A folder `photos` beside a memory backend `b`, and the command line on that store. */
export async function openFolder(): Promise<Line> {
  const folder = await temporaryDirectory()
  const backends = { photos: { driver: "fs", root: folder }, b: { driver: "memory" } }
  return { folder, ...(await openLine({ backends, defaultBackends: ["b"] })) }
}

export async function openLine(config: Parameters<typeof openTestStore>[0]) {
  const opened = await openTestStore(config)
  const { close: _, ...access } = opened.store
  const run = (words: string[], more: Partial<LineOptions> = {}): Promise<Said> => runLine(words, { access, ...more })
  return { ...opened, access, run }
}

/** The same, as if it were a server's. */
export function served({ access }: Pick<Line, "access">): Access {
  return { ...access, idle: undefined }
}

/** The folder is listed only once the test lets it, or the scan is ended. */
export function holdListing({ services }: OpenedStore): { reached: Promise<void>; open(): void } {
  const { backend } = services.backends.get("photos")
  const list = backend.list.bind(backend)
  const gate = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  backend.list = async function* (options) {
    reached.resolve()
    const aborted = new Promise<void>((resolve) => options?.signal?.addEventListener("abort", () => resolve()))
    await Promise.race([gate.promise, aborted])
    yield* list(options)
  }
  onTestFinished(() => gate.resolve())
  return { reached: reached.promise, open: gate.resolve }
}

export async function interruptOnce(
  reached: Promise<void>,
  run: (signal: AbortSignal) => Promise<Said>,
): Promise<Said> {
  const control = new AbortController()
  const running = run(control.signal)
  await reached
  control.abort(new StoredError("ABORTED", "Interrupted."))
  return running
}

export const keysOf = async ({ store }: OpenedStore): Promise<string[]> =>
  (await Array.fromAsync(store.list())).map(({ key }) => key)

export const parsed = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)
