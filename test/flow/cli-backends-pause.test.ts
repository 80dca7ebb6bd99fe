/** `stored backends pause` and `resume`: what they print and end with, on a store that stays and on one that is only opened for the command. */
import { expect, it } from "vitest"
import { runLine, runProcess } from "./cli-line.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"

it("pauses and resumes, and says what waits", async () => {
  const { store } = await openTestStore()
  const access = { ...store, close: async () => {} }
  expect(await runLine(["backends", "pause", "a"], { access })).toEqual({
    code: 0,
    out: "a is paused: 0 waiting\n",
    err: "",
  })
  await access.put(Buffer.from("x"), { key: "k", backends: ["a"] })
  expect(access.getBackend("a").paused).toBe(true)
  const said = await runLine(["--json", "backends", "resume", "a"], { access })
  expect(JSON.parse(said.out)).toMatchObject({ name: "a", paused: false, pending: 1 })
})

it.each([
  [["backends", "pause", "nowhere"], /There is no backend "nowhere"/],
  [["backends", "pause"], /missing required argument 'name'; see stored --help/],
  [["backends", "freeze", "a"], /unknown command 'freeze'; see stored --help/],
])("%j is refused in one line", async (words, sentence) => {
  const { store: access } = await openTestStore()
  const { code, out, err } = await runLine(words, { access })
  expect([code === 0, out]).toEqual([false, ""])
  expect(err).toMatch(sentence)
  expect(err.trimEnd()).not.toContain("\n")
})

it("holds for the next command on the same data directory", async () => {
  const env = { STORED_DATA: await temporaryDirectory() }
  expect(await runProcess(["backends", "pause", "local"], { env })).toMatchObject({ code: 0, err: "" })
  expect((await runProcess(["status"], { env })).out).toMatch(/^backend {3}local \(fs, default, open, paused\)/m)
})
