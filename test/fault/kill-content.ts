/** Contents for the load: slices of one random block, each known by its id before it is sent. Sizes 0 to 2 MB, a few of 8 MB. */
import { createHash } from "node:crypto"
import type { SeededRandom } from "./kill-random.ts"

export interface Content {
  id: string
  bytes: Buffer
}

const BLOCK = 16 * 2 ** 20
/** contents that are sent again under other keys, so that puts and deletes meet on the same blob */
const SHARED = 24

export class ContentMaker {
  readonly #block = Buffer.allocUnsafe(BLOCK)
  readonly #recent: Content[] = []

  constructor(random: SeededRandom) {
    for (let at = 0; at < BLOCK; at += 4) this.#block.writeUInt32LE(random.below(2 ** 32), at)
  }

  make(random: SeededRandom): Content {
    if (this.#recent.length > 0 && random.chance(0.2)) return random.pick(this.#recent)
    const size = chooseSize(random)
    const start = random.below(BLOCK - size)
    const bytes = this.#block.subarray(start, start + size)
    const content = { id: contentId(bytes), bytes }
    this.#recent.push(content)
    if (this.#recent.length > SHARED) this.#recent.shift()
    return content
  }
}

function chooseSize(random: SeededRandom): number {
  const kind = random.next()
  if (kind < 0.05) return 0
  if (kind < 0.6) return random.below(16_384)
  if (kind < 0.9) return random.below(262_144)
  return kind < 0.99 ? random.below(2_000_000) : 8_000_000
}

export function contentId(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`
}
