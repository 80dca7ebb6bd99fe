/**
 * Readers that come, go, abort and stall over one download, in an order that a seed decides, over a backend that gives bytes now and then and sometimes
 * breaks off or lies: everybody gets exactly the bytes or an error, and the backend is read once as long as somebody stays.
 */
import type { Readable } from "node:stream"
import fc from "fast-check"
import { expect, test } from "vitest"
import { CONTENT, ended, expectNothingLeft, isStaged, type Remote, remote, SIZE } from "./fed-backend.ts"
import { codeOf, readAll, testSeed, turns } from "./store-harness.ts"

interface Guest {
  /** when it comes, in steps */
  at: number
  /** event-loop turns before it reads on, after each chunk */
  pause: number
  /** leaves after so many bytes; null reads to the end */
  leaves: number | null
  how: "destroy" | "abort"
  byId: boolean
}

const guest: fc.Arbitrary<Guest> = fc.record({
  at: fc.nat({ max: 20 }),
  pause: fc.oneof(fc.constant(0), fc.nat({ max: 60 })),
  leaves: fc.option(fc.nat({ max: SIZE - 1 })),
  how: fc.constantFrom("destroy" as const, "abort" as const),
  byId: fc.boolean(),
})

const STEPS = 25

/** Reads as the guest does. What it was given, and how it ended: `left`, `ended`, or the code of an error. */
async function visit(opened: Remote, { pause, leaves, how, byId }: Guest): Promise<{ bytes: Buffer; end: string }> {
  const control = new AbortController()
  const chunks: Buffer[] = []
  let size = 0
  const reading = async (): Promise<string> => {
    const reader: Readable = await opened.store.get(byId ? opened.id : "k", { stream: true, signal: control.signal })
    for await (const chunk of reader) {
      chunks.push(chunk as Buffer)
      size += (chunk as Buffer).length
      if (leaves !== null && size > leaves) {
        if (how === "destroy") return "left"
        control.abort()
      }
      await turns(pause)
    }
    return "ended"
  }
  const end = await reading().catch((error: { code?: string }) => error.code ?? String(error))
  return { bytes: Buffer.concat(chunks), end: end === "ABORTED" ? "left" : end }
}

test.each(["good", "cut", "lie"])("readers of a download that is %s", { timeout: 240_000 }, async (fate) => {
  const seed = testSeed()
  console.info(`seed ${seed}`)
  await fc.assert(
    fc.asyncProperty(
      fc.array(guest, { minLength: 1, maxLength: 8 }),
      fc.nat({ max: SIZE - 1 }),
      async (guests, place) => {
        const opened = await remote()
        if (fate === "cut") opened.fed.cutAt = place
        if (fate === "lie") {
          opened.fed.lie = Buffer.from(CONTENT)
          opened.fed.lie[place]! ^= 1
        }
        // One who stays from the first to the last: there is one download.
        const stayer: Guest = { at: 0, pause: 0, leaves: null, how: "destroy", byId: false }
        const visits: Promise<{ bytes: Buffer; end: string }>[] = []
        const all = [stayer, ...guests]
        for (let step = 0; step <= STEPS; step += 1) {
          // Nobody comes after the end: that would be another download.
          for (const each of all) if (each.at === step) visits.push(visit(opened, each))
          await turns(5)
          opened.fed.allow(step === STEPS ? SIZE : Math.floor((SIZE * step) / (fate === "good" ? STEPS : 10 * STEPS)))
        }
        for (const { bytes, end } of await Promise.all(visits)) {
          expect(["left", "ended", "CORRUPT", "BACKEND_UNAVAILABLE", "COPY_UNAVAILABLE"]).toContain(end)
          if (end === "ended") expect(bytes.equals(CONTENT)).toBe(true)
          else if (fate !== "lie") expect(bytes.equals(CONTENT.subarray(0, bytes.length))).toBe(true)
          expect(bytes.length < SIZE || end !== "CORRUPT").toBe(true)
        }
        await ended(opened)
        if (fate === "good") {
          expect((await visits[0]!).end).toBe("ended")
          expect(opened.fed.reads).toHaveLength(1)
          expect(await isStaged(opened)).toBe(true)
        } else {
          expect((await visits[0]!).end).not.toBe("ended")
          // After a lie the repair may have brought the bytes of the other copy.
          if (fate === "cut") expect(await isStaged(opened)).toBe(false)
        }
        opened.fed.cutAt = undefined
        opened.fed.lie = undefined
        await codeOf(opened.store.synced("k"))
        expect((await readAll(await opened.store.get("k", { stream: true }))).equals(CONTENT)).toBe(true)
        await expectNothingLeft(opened)
        await opened.store.close()
      },
    ),
    { seed, numRuns: 12 },
  )
})
