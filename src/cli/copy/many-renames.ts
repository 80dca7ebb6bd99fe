/** Renames of many objects in one request: it is sent when the first of them is to be done, and each waits for its own line of the answer. */
import { StoredError } from "../../core/error.ts"
import type { CopyPair } from "../../store/store.ts"
import { inParallel } from "../in-parallel.ts"
import type { CopyParts, Transfer, Transferred } from "./transfer.ts"

export class ManyRenames {
  readonly #parts: CopyParts
  readonly #verb: "copy" | "move"
  readonly #items: (CopyPair & PromiseWithResolvers<Transferred>)[]
  #isSent = false

  constructor(parts: CopyParts, verb: "copy" | "move", pairs: readonly CopyPair[]) {
    this.#parts = parts
    this.#verb = verb
    this.#items = pairs.map((pair) => ({ ...pair, ...Promise.withResolvers<Transferred>() }))
    // Those whose turn never comes have nobody who waits for them.
    for (const { promise } of this.#items) promise.catch(() => {})
  }

  transfers(): Transfer[] {
    return this.#items.map(({ from, to, promise }) => {
      const run = (): Promise<Transferred> => {
        if (!this.#isSent) void this.#send()
        this.#isSent = true
        return promise
      }
      return { from: `:${from}`, to: `:${to}`, run }
    })
  }

  /** Never rejects: what fails as a whole has failed for each that was not told yet. */
  async #send(): Promise<void> {
    try {
      await this.#sendWhatIsNotThere()
    } catch (error) {
      for (const { reject } of this.#items) reject(error)
    }
  }

  async #sendWhatIsNotThere(): Promise<void> {
    const { line, access, options, onBytes } = this.#parts
    const there = new Set<CopyPair>()
    await inParallel(each(this.#items), options.jobs, async (item) => {
      const skipped = await skippedOf(this.#parts, this.#verb, item)
      if (skipped) there.add(item)
      if (skipped) item.resolve(skipped)
    })
    const wanted = this.#items.filter((item) => !there.has(item))
    const backends = options.backends && { backends: options.backends }
    const pairs = wanted.map(({ from, to }) => ({ from, to, ...backends }))
    const verb = this.#verb === "copy" ? "copyMany" : "moveMany"
    const outcome = this.#verb === "copy" ? "copied" : "moved"
    const waiting = wanted.values()
    for await (const entry of access[verb](pairs, { signal: line.signal })) {
      const { value: item } = waiting.next()
      if ("error" in entry) {
        const { code, message, ...rest } = entry.error
        item?.reject(new StoredError(code, message, rest))
        continue
      }
      onBytes(entry.size)
      item?.resolve({ outcome, id: entry.id, size: entry.size })
    }
  }
}

/** What is there already, and is to stay as it is; null: it is to be done. */
export async function skippedOf(
  { access, options }: CopyParts,
  verb: "copy" | "move",
  { from, to }: Pick<CopyPair, "from" | "to">,
): Promise<Transferred | null> {
  if (options.force || (verb === "move" && !options.skipExisting)) return null
  const [source, there] = await Promise.all([options.skipExisting ? null : access.stat(from), access.stat(to)])
  const isToStay = there && (options.skipExisting || source?.id === there.id)
  return isToStay ? { outcome: "skipped", id: there.id, size: there.size } : null
}

async function* each<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items
}
