/** Stores behind real HTTP whose streams fail or whose puts are watched, and readers that take their time. */
import type { Readable } from "node:stream"
import type { OpenedBlob, PutInput, PutOptions, Store } from "../../src/store/store.ts"
import { mapStore } from "./map-store.ts"

export const CLOSE = "Host: localhost\r\nConnection: close\r\n"

/** A store whose reads come from this stream instead. */
export function serving(stream: () => Readable): Store {
  const store = mapStore()
  return {
    ...store,
    open: async (name, options): Promise<OpenedBlob> => ({ ...(await store.open(name, options)), stream: stream() }),
  }
}

/** A store whose puts are watched: what became of the stream and of the signal. */
export function watching(): {
  store: Store
  put: Promise<{ body: Readable; signal: AbortSignal; failure: Promise<unknown> }>
} {
  const store = mapStore()
  const { promise, resolve } = Promise.withResolvers<{
    body: Readable
    signal: AbortSignal
    failure: Promise<unknown>
  }>()
  const put = async (input: PutInput, options: PutOptions = {}) => {
    const work = store.put(input, options)
    const failure = work.then(
      () => null,
      (error: unknown) => error,
    )
    resolve({ body: input as Readable, signal: options.signal!, failure })
    return work
  }
  return { store: { ...store, put }, put: promise }
}

/** Time that has to pass: what is tested is that a deadline does not strike. */
export const passing = (time: number) => new Promise((resolve) => setTimeout(resolve, time))

/** Reads one chunk, does something else for a while, reads the rest. */
export async function readSlowly(stream: Readable, pause: number): Promise<Buffer[]> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) {
    if (chunks.length === 0) await passing(pause)
    chunks.push(chunk)
  }
  return chunks
}
