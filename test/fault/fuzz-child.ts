/** The real server, which tells how much memory it holds and whether something of every object has changed: run with `--expose-gc` and a channel. */
const watched = [Object.prototype, Array.prototype, Function.prototype, String.prototype, Promise.prototype]
const namesOf = (): string => JSON.stringify(watched.map((one) => Reflect.ownKeys(one).map(String)))
const before = namesOf()

export interface FuzzLook {
  /** bytes on the heap and beside it, after a collection */
  held: number
  /** whether a prototype has other members than at the start */
  isPolluted: boolean
}

process.on("message", () => {
  globalThis.gc?.()
  // A second one takes what finalizers of the first let go of.
  setImmediate(() => {
    globalThis.gc?.()
    const { heapUsed, external } = process.memoryUsage()
    const look: FuzzLook = { held: heapUsed + external, isPolluted: namesOf() !== before }
    process.send?.(look)
  })
})

await import("../../src/server.ts")
