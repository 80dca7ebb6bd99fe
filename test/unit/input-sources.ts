/** What the tests of inputs put: files in a directory of their own, bytes in chunks, streams that hang; and how a refusal is caught. */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { afterAll, beforeAll, expect } from "vitest"
import type { StoredError } from "../../src/core/error.ts"
import { openInput } from "../../src/store/input.ts"
import type { PutInput } from "../../src/store/store.ts"

export let directory = ""
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "stored-input-"))
})
afterAll(() => rm(directory, { recursive: true }))

export const SMALL = Buffer.from("some bytes, not many")
export const LARGE = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256))

export async function file(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, bytes)
  return path
}

export async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000)
}

/** Waits for ever, and tells when it was ended. */
export function hangingStream(): { stream: Readable; destroyed: Promise<Error | null> } {
  const { promise, resolve } = Promise.withResolvers<Error | null>()
  const stream = new Readable({
    read() {},
    destroy(error, done) {
      resolve(error)
      done(error)
    },
  })
  return { stream, destroyed: promise }
}

export async function refusal(input: unknown): Promise<StoredError> {
  return openInput(input as PutInput).then(
    () => expect.fail("it was taken"),
    (error: StoredError) => error,
  )
}
