/**
 * Buffers whose addresses are multiples of a page, as O_DIRECT wants them. Node gives no control over where a Buffer lies; the memory of
 * WebAssembly begins at a page. It is reserved with a lot of address space around it, so several buffers share one block, and blocks are used again.
 */

const WEBASSEMBLY_PAGE = 65_536

/** What the libraries of types without a browser's leave out. */
declare const WebAssembly: {
  Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer }
}

interface Block {
  free: Buffer[]
}

export class AlignedBuffers {
  /** bytes of each buffer */
  readonly bytes: number
  readonly #inBlock: number
  readonly #blocks = new Set<Block>()
  readonly #owners = new WeakMap<Buffer, Block>()

  /**
   * @param bytes of each buffer, a multiple of 4096
   * @param inBlock how many are made at a time
   */
  constructor(bytes: number, inBlock: number) {
    this.bytes = bytes
    this.#inBlock = inBlock
  }

  /** A buffer with anything in it. Give it back once no system call uses it. */
  take(): Buffer {
    for (const block of this.#blocks) {
      const buffer = block.free.pop()
      if (buffer) return buffer
    }
    return this.#makeBlock().free.pop()!
  }

  /** So many buffers, or none where one of them cannot be had. */
  takeAll(count: number): Buffer[] {
    const taken: Buffer[] = []
    try {
      while (taken.length < count) taken.push(this.take())
      return taken
    } catch (error) {
      for (const buffer of taken) this.give(buffer)
      throw error
    }
  }

  /** Lends so many buffers for as long as `work` runs. No system call may use them after it. */
  async lend<Result>(count: number, work: (ring: Buffer[]) => Promise<Result>): Promise<Result> {
    const ring = this.takeAll(count)
    try {
      return await work(ring)
    } finally {
      for (const buffer of ring) this.give(buffer)
    }
  }

  /** A block that is wholly free is let go, but for the last. */
  give(buffer: Buffer): void {
    const block = this.#owners.get(buffer)
    if (!block || block.free.includes(buffer)) {
      throw new TypeError("The buffer was not taken from here, or was given back before.")
    }
    block.free.push(buffer)
    if (block.free.length === this.#inBlock && this.#blocks.size > 1) this.#blocks.delete(block)
  }

  #makeBlock(): Block {
    const pages = Math.ceil((this.#inBlock * this.bytes) / WEBASSEMBLY_PAGE)
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
    const block: Block = { free: [] }
    for (let index = this.#inBlock - 1; index >= 0; index -= 1) {
      const buffer = Buffer.from(memory.buffer, index * this.bytes, this.bytes)
      this.#owners.set(buffer, block)
      block.free.push(buffer)
    }
    this.#blocks.add(block)
    return block
  }
}
