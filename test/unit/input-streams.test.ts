/** Streams as inputs: those that fail, hang, lie or are cut, and aborts at every moment. */
import { PassThrough, Readable } from "node:stream"
import { buffer } from "node:stream/consumers"
import { describe, expect, it } from "vitest"
import { openInput } from "../../src/store/input.ts"
import type { PutInput } from "../../src/store/store.ts"
import { hangingStream, SMALL } from "./input-sources.ts"

describe("streams", () => {
  it("takes text chunks, in the stream's own encoding", async () => {
    const text = await openInput(Readable.from(["grüße", "!"]))
    expect((await buffer(text.source.read())).toString()).toBe("grüße!")
    const hex = Readable.from([SMALL], { objectMode: false }).setEncoding("hex")
    expect(await buffer((await openInput(hex)).source.read())).toEqual(SMALL)
  })

  it.each([[5], [{ a: 1 }], [new Float64Array(1)]])("refuses the chunk %j", async (chunk) => {
    const opened = await openInput(Readable.from([SMALL, chunk]))
    await expect(buffer(opened.source.read())).rejects.toMatchObject({ code: "SOURCE_FAILED" })
  })

  it("keeps the bytes of a source that uses one buffer for all its chunks", async () => {
    async function* reusing(): AsyncGenerator<Uint8Array> {
      const chunk = Buffer.alloc(4)
      for (let round = 0; round < 5; round += 1) yield chunk.fill(97 + round)
    }
    const opened = await openInput(reusing())
    expect((await buffer(opened.source.read())).toString()).toBe("aaaabbbbccccddddeeee")
  })

  it.each<[string, () => PutInput]>([
    [
      "Readable",
      () =>
        Readable.from(
          (async function* () {
            yield SMALL
            throw new Error("torn")
          })(),
        ),
    ],
    [
      "web stream",
      () =>
        new ReadableStream<Uint8Array>({
          pull(controller) {
            controller.error(new Error("torn"))
          },
        }),
    ],
    [
      "async iterable",
      () =>
        (async function* () {
          yield SMALL
          throw new Error("torn")
        })(),
    ],
  ])("a %s that fails half way is SOURCE_FAILED, with the cause", async (_, make) => {
    const opened = await openInput(make())
    await expect(buffer(opened.source.read())).rejects.toMatchObject({
      code: "SOURCE_FAILED",
      cause: expect.objectContaining({ message: "torn" }),
    })
    await opened.close()
  })

  it("one that fails before anybody reads it does not end the process", async () => {
    const stream = new PassThrough()
    const opened = await openInput(stream)
    const closed = new Promise((resolve) => stream.once("close", resolve))
    stream.destroy(new Error("early"))
    await closed
    await expect(buffer(opened.source.read())).rejects.toMatchObject({
      code: "SOURCE_FAILED",
      cause: expect.objectContaining({ message: "early" }),
    })
  })

  it("one that is cut without an error is SOURCE_FAILED too", async () => {
    const stream = new PassThrough()
    stream.write(SMALL)
    const opened = await openInput(stream)
    const reading = buffer(opened.source.read())
    stream.destroy()
    await expect(reading).rejects.toMatchObject({ code: "SOURCE_FAILED" })
  })

  it("close ends a stream that nobody read, and leaves one alone that came to its end", async () => {
    const { stream, destroyed } = hangingStream()
    await (await openInput(stream)).close()
    expect(await destroyed).toMatchObject({ code: "ABORTED" })

    const ended = new PassThrough({ autoDestroy: false })
    ended.end(SMALL)
    const opened = await openInput(ended)
    await buffer(opened.source.read())
    await opened.close()
    expect(ended.errored).toBeNull()

    let returned = false
    const iterable = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: SMALL }),
        return: async () => {
          returned = true
          return { done: true as const, value: undefined }
        },
      }),
    }
    const endless = await openInput(iterable)
    const reader = endless.source.read()[Symbol.asyncIterator]()
    await reader.next()
    await endless.close()
    expect(returned).toBe(true)
  })
})

describe("abort", () => {
  it("before: refused, and the stream is ended", async () => {
    const { stream, destroyed } = hangingStream()
    const signal = AbortSignal.abort()
    await expect(openInput(stream, { signal })).rejects.toMatchObject({ code: "ABORTED" })
    await destroyed
    await expect(openInput(SMALL, { signal })).rejects.toMatchObject({ code: "ABORTED" })
  })

  it("while the source hangs: a Readable", async () => {
    const controller = new AbortController()
    const { stream, destroyed } = hangingStream()
    const opened = await openInput(stream, { signal: controller.signal })
    const reading = buffer(opened.source.read())
    controller.abort()
    await expect(reading).rejects.toMatchObject({ code: "ABORTED" })
    await destroyed
  })

  it("while the source hangs: a web stream", async () => {
    const controller = new AbortController()
    const cancelled = Promise.withResolvers<unknown>()
    const stream = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}), cancel: cancelled.resolve })
    const opened = await openInput(stream, { signal: controller.signal })
    const reading = buffer(opened.source.read())
    controller.abort()
    await expect(reading).rejects.toMatchObject({ code: "ABORTED" })
    await cancelled.promise
  })

  it("while the source hangs: an async generator that never answers", async () => {
    const controller = new AbortController()
    const opened = await openInput(
      (async function* () {
        await new Promise(() => {})
        yield SMALL
      })(),
      { signal: controller.signal },
    )
    const reading = buffer(opened.source.read())
    controller.abort()
    await expect(reading).rejects.toMatchObject({ code: "ABORTED" })
    await opened.close()
  })

  it("after the reader has left: harmless", async () => {
    const controller = new AbortController()
    const { stream } = hangingStream()
    const opened = await openInput(stream, { signal: controller.signal })
    opened.source.read()
    controller.abort()
    await opened.close()
    expect(stream.destroyed).toBe(true)
  })

  it("leaves no listener on a long-lived signal", async () => {
    const { signal } = new AbortController()
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...all: Parameters<typeof add>) => {
      listeners += 1
      add(...all)
    }
    signal.removeEventListener = (...all: Parameters<typeof remove>) => {
      listeners -= 1
      remove(...all)
    }
    for (const read of [true, false]) {
      const opened = await openInput(Readable.from([SMALL]), { signal })
      expect(listeners).toBe(1)
      if (read) await buffer(opened.source.read())
      await opened.close()
      expect(listeners).toBe(0)
    }
  })
})
