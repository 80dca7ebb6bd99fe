/** `stored backends …` on a store of the test: what it asks, what it keeps, what it prints, and what it never prints. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { PassThrough, Readable } from "node:stream"
import { describe, expect, test, vi } from "vitest"
import { driverSettings } from "../../src/backends/registry.ts"
import type { BackendInfo } from "../../src/store/store.ts"
import { type LineOptions, runLine, type Said } from "./cli-line.ts"
import { openTestStore } from "./open-store.ts"
import { CANARY, PASSWORD } from "./vault-driver.ts"

vi.mock("../../src/backends/fs.ts", async (original) => (await import("./vault-driver.ts")).vaultInPlaceOfFs(original))

async function openVault() {
  const opened = await openTestStore({ backends: { a: { driver: "memory" } } })
  const { idle: _, close: __, ...access } = opened.store
  const run = (words: string[], more: Partial<LineOptions> = {}): Promise<Said> =>
    runLine(["backends", ...words], { access, ...more })
  return { ...opened, run, root: join(opened.directory, "vault") }
}

/** Somebody who answers each question once it is asked. */
function person(
  answers: readonly string[],
): Pick<LineOptions, "stdin" | "terminal" | "onQuestion"> & { asked: string[] } {
  const stdin = Object.assign(new PassThrough(), { isTTY: true })
  const left = [...answers]
  const asked: string[] = []
  let seen = 0
  return {
    stdin,
    terminal: true,
    asked,
    onQuestion: (text) => {
      const question = /([^\n\r\u001b]*): (?:\u001b\[\d*G)?$/.exec(text.slice(seen))?.[1]?.replace("[0J", "")
      if (question === undefined) return
      seen = text.length
      asked.push(question.trim())
      const next = left.shift()
      // As a terminal would: after what asks has had its turn.
      setImmediate(() => (next === undefined ? stdin.end() : stdin.write(`${next}\r`)))
    },
  }
}

const parsed = (text: string): BackendInfo[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as BackendInfo)

describe("stored backends add", () => {
  test("asks a person for what the driver needs, without showing what is secret", async () => {
    const { run, store, root, services } = await openVault()
    const someone = person(["tape", "fs", root, CANARY, "me", PASSWORD])
    const said = await run(["add", "v"], someone)
    expect(said).toMatchObject({ code: 0 })
    expect(someone.asked).toEqual([
      "driver (fs, memory, s3, rclone)",
      "driver (fs, memory, s3, rclone)",
      "root",
      "token (not shown; env:NAME and file:PATH are references; may be empty)",
      "login.user (may be empty)",
      "login.password (not shown; env:NAME and file:PATH are references; may be empty)",
    ])
    expect(said.err).toContain(root)
    expect(said.err + said.out).not.toContain(CANARY)
    expect(said.err + said.out).not.toContain(PASSWORD)
    expect(said.out).toMatch(/^v \(fs, default, open\): 0 waiting, 0 given up\n/)
    expect(said.out).toMatch(/setting +token \*\*\*\n/)
    expect(said.out).toMatch(/can +range true\n/)
    expect(said.out).toMatch(/found +version 1\n/)
    expect(store.listBackends()).toEqual(["a", "v"])
    expect(services.backends.get("v").settings).toMatchObject({
      token: CANARY,
      login: { user: "me", password: PASSWORD },
    })
  })

  test("keeps nothing where an answer is wrong, or the person leaves", async () => {
    const { run, store, root } = await openVault()
    const wrong = await run(["add", "v", "--driver", "fs", "--set", `root=${root}`], person([`${CANARY}x`, ""]))
    expect(wrong).toMatchObject({
      code: 5,
      err: expect.stringMatching(/does not know this token.*\[PERMISSION_DENIED\]/),
    })
    expect(await run(["add", "v"], person(["fs"]))).toMatchObject({
      code: 130,
      err: expect.stringContaining("[ABORTED]"),
    })
    const gone = new AbortController()
    const someone = person([])
    const left = run(["add", "v"], { ...someone, signal: gone.signal, onQuestion: () => gone.abort() })
    expect((await left).code).toBe(130)
    expect(store.listBackends()).toEqual(["a"])
    expect(wrong.err).not.toContain(CANARY)
  })

  test("does not echo a secret that is typed ahead", async () => {
    const { run, root } = await openVault()
    const stdin = Object.assign(Readable.from([`${root}\r${CANARY}\r\r${PASSWORD}\r`]), { isTTY: true })
    const said = await run(["add", "v", "--driver", "fs"], { stdin, terminal: true })
    expect(said.code).toBe(0)
    expect(said.err + said.out).not.toContain(CANARY)
    expect(said.err + said.out).not.toContain(PASSWORD)
  })

  test("takes settings as words, from a file, or from standard input, and asks nobody", async () => {
    const { run, root, directory, services } = await openVault()
    const words = [
      "--set",
      `root=${root}`,
      "--set",
      "concurrency=3",
      "--set",
      "durable=false",
      "--set",
      'rateLimit={"max":5,"per":1000}',
    ]
    const byWords = await run(["add", "w", "--driver", "fs", ...words])
    expect(byWords.code).toBe(0)
    expect(services.backends.get("w").settings).toEqual({
      driver: "fs",
      root,
      concurrency: 3,
      durable: false,
      rateLimit: { max: 5, per: 1000 },
    })
    const settings = { driver: "fs", root: `${root}2`, token: CANARY }
    const file = join(directory, "settings.json")
    await writeFile(file, JSON.stringify(settings))
    const byFile = await run(["add", "f", "--from", file, "--set", `login.password=${PASSWORD}`, "--json"])
    expect(parsed(byFile.out)).toMatchObject([
      { name: "f", state: "open", config: { token: "***", login: { password: "***" } } },
    ])
    expect(services.backends.get("f").settings).toMatchObject({ token: CANARY, login: { password: PASSWORD } })
    const stdin = Readable.from([Buffer.from(JSON.stringify({ ...settings, root: `${root}3` }))])
    expect(await run(["add", "s", "--from", "-"], { stdin })).toMatchObject({ code: 0, err: "" })
    for (const { out, err } of [byWords, byFile]) expect(out + err).not.toMatch(new RegExp(`${CANARY}|${PASSWORD}`))
  })

  test("changes one with --replace only", async () => {
    const { run, root, services } = await openVault()
    const words = ["add", "v", "--driver", "fs", "--set", `root=${root}`, "--set", `token=${CANARY}`]
    expect((await run(words)).code).toBe(0)
    expect(await run(words)).toMatchObject({ code: 4, err: expect.stringContaining("[BACKEND_EXISTS]") })
    const kept = [...words.slice(0, -1), "token=***", "--set", "concurrency=2", "--replace"]
    expect((await run(kept)).code).toBe(0)
    expect(services.backends.get("v").settings).toMatchObject({ token: CANARY, concurrency: 2 })
  })

  test.each<[string, string[], string, RegExp]>([
    ["no driver", [], "", /name the driver with --driver \(fs, memory, s3, rclone\)/],
    ["a word that sets nothing", ["--driver", "fs", "--set", CANARY], "", /write each --set as name=value/],
    [
      "a number that is none",
      ["--driver", "fs", "--set", `concurrency=${CANARY}`],
      "",
      /"concurrency" is to be a number/,
    ],
    ["a file that is not there", ["--from", "/nowhere"], "", /nowhere cannot be read \(ENOENT\)/],
    ["what is no JSON", ["--from", "-"], `{"token": "${CANARY}"`, /Standard input holds no JSON object/],
    ["what is no object", ["--from", "-"], `["${CANARY}"]`, /Standard input holds no JSON object/],
    ["a setting that nobody knows", ["--driver", "fs", "--set", "root=/x", "--set", `colour=${CANARY}`], "", /colour/],
  ])("tells of %s without what was given", async (_name, words, input, sentence) => {
    const { run, store } = await openVault()
    const said = await run(["add", "v", ...words], { stdin: Readable.from([Buffer.from(input)]) })
    expect(said).toMatchObject({ code: 2, out: "", err: expect.stringMatching(sentence) })
    expect(said.err).not.toContain(CANARY)
    expect(store.listBackends()).toEqual(["a"])
  })
})

describe("stored backends", () => {
  test("ls, show and test tell of backends, as text and as JSON", async () => {
    const { run, store, root, services } = await openVault()
    await store.addBackend("v", { driver: "fs", root, token: CANARY })
    expect((await run(["ls"])).out).toBe(
      "a (memory, default, open): 0 waiting, 0 given up\nv (fs, default, open): 0 waiting, 0 given up\n",
    )
    expect(parsed((await run(["ls", "--json"])).out)).toEqual([store.getBackend("a"), store.getBackend("v")])
    const shown = await run(["show", "v"])
    expect(shown.out).toMatch(new RegExp(`setting +root ${root}\n`))
    expect(parsed((await run(["show", "v", "--json"])).out)).toEqual([store.getBackend("v")])
    expect((await run(["test", "v"])).out).toBe(shown.out)
    expect(await run(["show", "nowhere"])).toMatchObject({ code: 2, err: expect.stringContaining("[UNKNOWN_BACKEND]") })
    services.backends.get("v").backend.healthCheck = () => Promise.reject(new Error("gone"))
    expect((await run(["test", "v"])).code).toBe(1)
    await store.pauseBackend("a")
    expect((await run(["ls"])).out).toContain("a (memory, default, open, paused)")
    expect((await run([])).code).toBe(2)
  })

  test("rm is refused where it holds the only copies, and says of what", async () => {
    const { run, store } = await openVault()
    for (let index = 0; index < 23; index++)
      await store.put(Buffer.from(`${index}`), { key: `k${String(index).padStart(2, "0")}`, durability: "all" })
    const refused = await run(["rm", "a"])
    expect(refused).toMatchObject({
      code: 4,
      out: "",
      err: expect.stringMatching(/^k00\nk01\n.*k19\n… and 3 more\nstored: .*\[LAST_COPY\]\n$/s),
    })
    expect(JSON.parse((await run(["rm", "a", "--json"])).err)).toMatchObject({
      code: "LAST_COPY",
      details: { count: 23 },
    })
    expect(await run(["rm", "a", "--force"])).toMatchObject({ code: 0, out: "removed a\n" })
    expect(store.listBackends()).toEqual([])
  })
})

test("what a driver can be told comes from its schema", () => {
  expect(driverSettings("nothing")).toBeNull()
  const settings = new Map(driverSettings("s3")!.map((setting) => [setting.name, setting]))
  expect(settings.get("bucket")).toEqual({ name: "bucket", kind: "text", required: true, secret: false })
  expect(settings.get("credentials.secretAccessKey")).toEqual({
    name: "credentials.secretAccessKey",
    kind: "text",
    required: false,
    secret: true,
  })
  expect(settings.get("serverSideEncryption")).toMatchObject({ choices: ["AES256", "aws:kms", "aws:kms:dsse"] })
  expect(settings.get("partsAtOnce")).toMatchObject({ kind: "number", default: 8 })
  expect(settings.get("partSize")).toMatchObject({ kind: "mixed" })
  expect(settings.get("pathStyle")).toMatchObject({ kind: "switch" })
  expect(settings.has("driver")).toBe(false)
})
