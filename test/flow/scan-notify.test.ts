/** Who is told of changes at a backend looks for himself, and believes only those who bear its secret. */
import { createHmac } from "node:crypto"
import { expect, it } from "vitest"
import { listen } from "../unit/api-server.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"
import { writeResting } from "./resting-file.ts"
import { lookedAt } from "./scan-steps.ts"

const SECRET = "shared between the two"

async function open(scan: object = {}) {
  const folder = await temporaryDirectory()
  const opened = await openTestStore({
    backends: {
      photos: { driver: "fs", root: folder, scan: { every: "off", ...scan } },
      m: { driver: "memory" },
    },
    defaultBackends: ["m"],
  })
  const write = (key: string, content = key): Promise<void> => writeResting(folder, key, content)
  const { url } = await listen(opened.store)
  const notify = async (keys: string[], headers: Record<string, string>): Promise<number> => {
    const body = bodyOf(keys)
    return (await fetch(`${url}/v1/notifications/photos`, { method: "POST", body, headers })).status
  }
  const keysOf = async (): Promise<string[]> => Array.fromAsync(opened.store.list(), ({ key }) => key)
  return { ...opened, write, notify, keysOf, url }
}

function bodyOf(keys: string[]): string {
  return JSON.stringify({
    Records: keys.map((key) => ({ s3: { bucket: { name: "any" }, object: { key: encodeURIComponent(key) } } })),
  })
}

it("places are looked at, and only those", async () => {
  const opened = await open()
  await opened.write("a/b c")
  await opened.write("other")
  expect(await opened.store.look("photos", ["a/b c", "a/b c", "never there"])).toBe(2)
  await lookedAt(opened, "photos")
  expect(await opened.keysOf()).toEqual(["photos/a/b c"])
  await expect(opened.store.look("photos", ["../up"])).rejects.toMatchObject({ code: "INVALID_KEY" })
  await expect(opened.store.look("nowhere", ["a"])).rejects.toMatchObject({ code: "UNKNOWN_BACKEND" })
  await expect(opened.store.look("photos", Array(10_001).fill("a"))).rejects.toMatchObject({ code: "INVALID_INPUT" })
})

it("a place that is told of while it is looked at is looked at once more", async () => {
  const opened = await open()
  await opened.write("a")
  const run = opened.scanPool.run.bind(opened.scanPool)
  let turns = 0
  // Right behind the read, and before what was read is committed.
  opened.scanPool.run = (async (name: string, task: unknown, options: object) => {
    const answer = await run(name, task, options)
    turns += 1
    if (turns === 1) {
      await opened.write("a", "changed since")
      await opened.store.look("photos", ["a"])
    }
    return answer
  }) as typeof run
  await opened.store.look("photos", ["a"])
  await expect
    .poll(async () => (await opened.store.stat("photos/a"))?.size, { timeout: 10_000 })
    .toBe("changed since".length)
  await lookedAt(opened, "photos")
})

it("a notification bears the secret, plain, as a password or as a signature", async () => {
  const opened = await open({ secret: SECRET })
  const signature = (key: string): string =>
    createHmac("sha256", SECRET)
      .update(bodyOf([key]))
      .digest("hex")
  await opened.write("one")
  await opened.write("two")
  await opened.write("three")
  expect(await opened.notify(["one"], { authorization: `Bearer ${Buffer.from(SECRET)}` })).toBe(401)
  const basic = Buffer.from(`user:${SECRET}`).toString("base64")
  expect(await opened.notify(["two"], { authorization: `Basic ${basic}` })).toBe(202)
  expect(await opened.notify(["three"], { "x-stored-signature": `sha256=${signature("three")}` })).toBe(202)
  await lookedAt(opened, "photos")
  expect(await opened.keysOf()).toEqual(["photos/three", "photos/two"])
})

it("without the secret nothing is looked at", async () => {
  const opened = await open({ secret: SECRET })
  await opened.write("one")
  const wrong = Buffer.from("user:wrong").toString("base64")
  for (const headers of [{}, { authorization: `Basic ${wrong}` }, { "x-stored-signature": `sha256=${"0".repeat(64)}` }])
    expect(await opened.notify(["one"], headers as Record<string, string>)).toBe(401)
  expect(opened.store.scanStatus("photos").looks).toBe(0)
  expect(JSON.stringify(opened.store.getBackend("photos"))).not.toContain(SECRET)
  const closed = await open()
  expect(await closed.notify(["one"], { authorization: `Basic ${wrong}` })).toBe(401)
})
