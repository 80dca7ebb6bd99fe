/** What is to be ended with a file of tests, also where it was begun in a `beforeAll`: a hook that is added there is never called. */
import { afterAll } from "vitest"

const ends: (() => Promise<unknown>)[] = []

afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

/** Ends are called in turn from the last. */
export function whenFileIsOver(end: () => Promise<unknown>): void {
  ends.push(end)
}
