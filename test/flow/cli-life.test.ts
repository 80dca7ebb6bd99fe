/** `stored why`, `stored failed`, `stored sync-retry` and `stored events` on a store in this process. */
import { describe, expect, it } from "vitest"
import { StoredError } from "../../src/core/error.ts"
import { openLine, parsed } from "./cli-folder.ts"
import { memoryBackend } from "./open-store.ts"

const open = () => openLine({ backends: { a: { driver: "memory" }, b: { driver: "memory" } } })

/** A store whose backend `b` refuses what is put there, until it is mended. */
async function openBroken() {
  const line = await open()
  const backend = memoryBackend(line, "b")
  backend.intercept = (operation) => {
    if (operation === "put") throw new StoredError("PERMISSION_DENIED", "It is not allowed.")
  }
  for (const key of ["p/one", "p/two"]) await line.store.put(Buffer.from(key), { key })
  await line.store.idle()
  const mend = (): void => {
    backend.intercept = undefined
  }
  return { ...line, mend }
}

describe("why", () => {
  it("tells a person the whole life of an object, and what would make it go on", async () => {
    const line = await openBroken()
    const { code, out, err } = await line.run(["why", "p/one"])
    expect({ code, err }).toEqual({ code: 0, err: "" })
    expect(out).toMatch(/^key {7}p\/one\nid {8}sha256:/)
    expect(out).toMatch(/\ncopy {6}a {2}p\/one {2}synced for \d+ s, proven /)
    expect(out).toMatch(/\ncopy {6}b {2}p\/one {2}failed for \d+ s, job \d+ was given up, 1 tries failed\n/)
    expect(out).toMatch(/\nwaits {5}The copy at backend b was given up after 1 try: It is not allowed\.\n/)
    expect(out).toContain("\n            stored sync-retry --backend b --key p/one\n")
    expect(out).toMatch(/\njournal {3}[\d: -]{19} {2}\d+ {2}put {2}.*version 1/)
    expect(out).toMatch(/\njournal {3}.* sync-failed {2}b {2}.*It is not allowed\. \[PERMISSION_DENIED\]/)
    expect(out).toMatch(/records?, from the first\n$/)
    expect(out).not.toContain("p/two")
  })

  it("tells a program the same, and ends with 3 where nothing was ever known", async () => {
    const line = await openBroken()
    const [told] = parsed((await line.run(["why", "p/one", "--json"])).out)
    expect(told).toMatchObject({ name: "p/one", waits: [{ reason: "parked" }], journal: { complete: true } })
    expect(await line.run(["why", "none"])).toMatchObject({ code: 3, out: "" })
    await line.store.delete("p/two")
    const gone = await line.run(["why", "p/two", "--depth", "3"])
    expect(gone.out).toMatch(/^key {7}p\/two\nstate {5}there is no such object now\n/)
    expect(gone.out).toMatch(/among the last 3, back to \d+; --all looks at all of them\n$/)
  })
})

describe("failed, sync-retry", () => {
  it("lists what was given up, and puts it back to work, and says which", async () => {
    const line = await openBroken()
    const listed = await line.run(["failed"])
    expect(listed.out).toMatch(/^b {2}p\/one {2}1 try, the last \d+ s ago: It is not allowed\. \[PERMISSION_DENIED\]\n/)
    expect(parsed((await line.run(["failed", "--json", "-n", "1"])).out)).toMatchObject([{ status: "parked" }])
    expect((await line.run(["failed", "-b", "a"])).out).toBe("")
    line.mend()
    expect(await line.run(["sync-retry", "--key", "p/two"])).toEqual({
      code: 0,
      out: "b  p/two\n1 job put back to work\n",
      err: "",
    })
    // Without a server it was worked on before the command ended.
    expect((await line.store.stat("p/two"))!.locations.every(({ synced }) => synced)).toBe(true)
    expect(parsed((await line.run(["--json", "sync-retry", "--failed"])).out)).toMatchObject([
      { key: "p/one", backend: "b" },
    ])
    expect((await line.run(["failed"])).out).toBe("")
    expect((await line.run(["sync-retry", "--failed"])).out).toBe("0 jobs put back to work\n")
    expect(await line.run(["sync-retry", "-b", "none"])).toMatchObject({ code: 2 })
  })
})

describe("events", () => {
  it("shows what has happened, of the wanted types and keys, for people and for programs", async () => {
    const line = await open()
    for (const key of ["p/a", "q", "p/b"]) await line.store.put(Buffer.from(key), { key, durability: "all" })
    await line.store.delete("p/a")
    const some = await line.run(["events", "--after", "0", "--type", "put,delete", "--key", "p/", "-n", "3"])
    expect(some.code).toBe(0)
    expect(some.out.trimEnd().split("\n")).toEqual([
      expect.stringMatching(/^[\d: -]{19} +\d+ {2}put +p\/a {2}version 1 {2}3 B$/),
      expect.stringMatching(/ put +p\/b /),
      expect.stringMatching(/ delete +p\/a {2}a, b$/),
    ])
    const all = parsed((await line.run(["--json", "events", "--after", "0", "--type", "sync:complete", "-n", "6"])).out)
    expect(all.every(({ type }) => type === "sync:complete")).toBe(true)
    expect(await line.run(["events", "--type", "nonsense"])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/nonsense/),
    })
  })

  it("goes on with what happens from now on, and ends well on Ctrl-C", async () => {
    const line = await open()
    await line.store.put(Buffer.from("1"), { key: "before" })
    const control = new AbortController()
    const began = Promise.withResolvers<void>()
    const access = {
      ...line.access,
      events: (...words: Parameters<typeof line.access.events>) => {
        const events = line.access.events(...words)
        began.resolve()
        return events
      },
    }
    const running = line.run(["events", "--type", "put"], {
      access,
      signal: control.signal,
      onOutput: () => control.abort(new StoredError("ABORTED", "Interrupted.")),
    })
    await began.promise
    await line.store.put(Buffer.from("2"), { key: "later" })
    expect(await running).toMatchObject({ code: 0, out: expect.stringMatching(/^[^\n]* later [^\n]*\n$/), err: "" })
  })
})
