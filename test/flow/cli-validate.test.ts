/** `stored validate`: what is said, how it ends, and that it goes by the client as well. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import { describeValidate, describeValidateBriefly } from "../../src/cli/describe-validate.ts"
import { validateLine } from "../../src/cli/validate-progress.ts"
import { connect } from "../../src/client.ts"
import type { ValidateStatus } from "../../src/store/store.ts"
import { openFolder, parsed } from "./cli-folder.ts"
import { runLine } from "./cli-line.ts"
import { rot, validated } from "./validate-steps.ts"

async function openPut(keys: string[]) {
  const line = await openFolder()
  for (const key of keys) await line.store.put(Buffer.from(key), { key, backends: ["photos", "b"], durability: "all" })
  return line
}

describe("stored validate", () => {
  it("says what it has read, and ends with 10 where a copy is bad; then that is mended", async () => {
    const line = await openPut(["one", "two"])
    const good = await line.run(["validate", "photos"])
    expect(good).toMatchObject({ code: 0, err: "" })
    expect(good.out).toMatch(/^photos validated: 2 of 2 copies, 6 B in \d+ s; 2 good, 0 bad, 0 missing\n$/)
    await rot(line, "photos", "one", join(line.folder, "one"))
    const bad = await line.run(["validate"])
    expect(bad).toMatchObject({ code: 10, err: "" })
    expect(bad.out.split("\n")).toEqual([
      expect.stringMatching(/1 good, 1 bad, 0 missing; 1 of these 1 are brought back, 1 lie in quarantine$/),
      expect.stringMatching(/^b validated: 2 of 2 copies, .*2 good, 0 bad/),
      expect.stringMatching(/^staging validated: 2 of 2 copies, .*2 good, 0 bad/),
      "",
    ])
    expect(await readFile(join(line.folder, "one"), "utf8")).toBe("one")
    const again = await line.run(["--json", "validate", "photos", "--sample", "100%", "--rate", "20MB"])
    expect(again.code).toBe(0)
    expect(parsed(again.out)).toMatchObject([{ backend: "photos", good: 2, corrupt: 0, rate: 20e6, sample: 1 }])
    expect((await line.run(["validate", "--status", "photos"])).out).toMatch(/^photos validated: /)
  })

  it.each([
    [["--sample", "0%"], /--sample 0% is not a share such as 1%/],
    [["--rate", "fast"], /--rate fast is not bytes a second/],
    [["--status", "--sample", "1%"], /--status stands alone/],
    [["--pause", "--cancel"], /--pause stands alone/],
    [["--detach"], /leaves the validation to a server/],
  ])("%j is bad usage", async (words, reason) => {
    const line = await openFolder()
    const said = await line.run(["validate", "photos", ...words])
    expect(said).toMatchObject({ code: 2, out: "", err: expect.stringMatching(reason) })
    expect(line.store.validateStatus("photos").number).toBe(0)
  })

  it("works on a server by the client", async () => {
    const line = await openPut(["one"])
    const app = buildApp({ store: line.store })
    await app.listen({ host: "127.0.0.1", port: 0 })
    onTestFinished(() => app.close())
    const { port } = app.server.address() as { port: number }
    const client = connect(`http://127.0.0.1:${port}`)
    onTestFinished(() => client.close())
    const { idle: _, close: __, ...access } = client
    const said = await runLine(["--json", "validate", "--sample", "100%"], { access })
    expect(said).toMatchObject({ code: 0, err: "" })
    expect(parsed(said.out).map(({ backend, good }) => [backend, good])).toEqual([
      ["photos", 1],
      ["b", 1],
      ["staging", 1],
    ])
    expect(await client.validateStatus("photos")).toEqual(line.store.validateStatus("photos"))
    expect(await runLine(["validate", "photos", "--cancel"], { access })).toMatchObject({ code: 4 })
    const { out } = await runLine(["status"], { access })
    expect(out).toMatch(/^validate {2}photos: done, 1 of 1 copies, all of it was read \d+ s ago$/m)
    expect(out).toMatch(/^validate {2}staging: done/m)
  })
})

it("has lines that say it all", async () => {
  const line = await openPut(["one"])
  const done = await validated(line, "photos")
  const status: ValidateStatus = {
    ...done,
    ...{
      state: "running",
      bytes: 2 ** 29,
      copies: 50,
      plan: { copies: 5_000, bytes: 2 ** 33, chosen: 100, chosenBytes: 2 ** 30 },
    },
    ...{
      sample: 0.02,
      seed: "0a1b",
      good: 40,
      corrupt: 1,
      missing: 1,
      changed: 3,
      unreadable: 5,
      healing: 1,
      kept: 1,
      started: 0,
    },
  }
  expect(describeValidate(status, 60_000)).toBe(
    "photos is being validated: 50 of 100 copies, 512 MiB in 60 s; a sample of 2 % of 5,000 copies in all, seed 0a1b; 40 good, 1 bad, 1 missing, " +
      "3 changed by somebody, to be looked at, 5 could not be read; 1 of these 2 are brought back, 1 lie in quarantine",
  )
  expect(validateLine(status, 2 ** 26)).toMatch(
    /^photos .* 50 % {2}512 MiB\/1\.0 GiB {2}64 MiB\/s {2}8 s left {2}2 bad$/,
  )
  expect(validateLine({ ...status, plan: null }, 0)).toBe("photos  counting its copies")
  const brief = {
    state: "running",
    rolling: true,
    copies: 5,
    chosen: 10,
    corrupt: 1,
    missing: 2,
    unreadable: 3,
    late: true,
    validAsOf: null,
  } as const
  expect(describeValidateBriefly(brief, 0)).toBe(
    "running by itself, 5 of 10 copies, 1 bad, 2 missing, 3 could not be read, too slow for its time, not all of it was read again yet",
  )
})
