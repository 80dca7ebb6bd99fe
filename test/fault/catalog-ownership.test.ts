/** One server a data directory: two processes, dead owners, owners elsewhere. */
import { setTimeout as later } from "node:timers/promises"
import { open } from "lmdb"
import { describe, expect, it } from "vitest"
import type { StoredError } from "../../src/core/error.ts"
import { put, refusal } from "../contract/catalog.facts.ts"
import { emptyDirectory, expectWhole, openCatalog } from "./catalog-directory.ts"
import { startCatalog } from "./catalog-process.ts"

async function caught(promise: Promise<unknown>): Promise<StoredError> {
  return promise.then(
    () => Promise.reject(new Error("It was not refused.")),
    (error: StoredError) => error,
  )
}

/** Writes another owner's name into a closed catalog. */
async function pretend(directory: string, owner: object, heartbeat: number): Promise<void> {
  const env = open<Buffer, Buffer>({
    path: directory,
    noSubdir: false,
    maxDbs: 32,
    encoding: "binary",
    keyEncoding: "binary",
  })
  const table = env.openDB<Buffer, Buffer>("owner", { encoding: "binary", keyEncoding: "binary" })
  await table.put(Buffer.from("holder"), Buffer.from(JSON.stringify(owner)))
  await table.put(Buffer.from("heartbeat"), Buffer.from(String(heartbeat)))
  await later(0)
  await env.close()
}

const STRANGER = {
  token: "t",
  address: "http://elsewhere:7070",
  process: { pid: 4_242, hostname: "elsewhere", started: "1", boot: "b", namespace: "n" },
}

describe("ownership of a data directory", () => {
  it("is one process's, and the other learns whose and where", async () => {
    const directory = await emptyDirectory()
    const child = startCatalog(directory)
    expect(await child.ask("open")).toEqual({ refused: null })
    const error = await caught(openCatalog(directory))
    expect(error.code).toBe("DATA_DIRECTORY_IN_USE")
    expect(error.message).toContain(String(child.pid))
    expect(error.details).toMatchObject({ pid: child.pid, address: "http://127.0.0.1:1" })
    // The owner goes on, and is free to give the directory up.
    expect(await child.ask("put", "a")).toMatchObject({ refused: null })
    await child.ask("close")
    const catalog = await openCatalog(directory)
    expect(catalog.object("a")?.version).toBe(1)
    await expectWhole(catalog)
  })

  it("is refused to a second catalog of the same process, until the first is closed", async () => {
    const directory = await emptyDirectory()
    const first = await openCatalog(directory)
    expect((await caught(openCatalog(directory))).code).toBe("DATA_DIRECTORY_IN_USE")
    await put(first)
    await first.close()
    const catalog = await openCatalog(directory)
    expect(catalog.object("a")?.version).toBe(1)
    await expectWhole(catalog)
  })

  it("goes to exactly one of many that open at the same time", async () => {
    const directory = await emptyDirectory()
    const children = Array.from({ length: 4 }, () => startCatalog(directory))
    const answers = await Promise.all(children.map((child) => child.ask<{ refused: string | null }>("open")))
    expect(answers.map((answer) => answer.refused).sort()).toEqual([
      ...Array.from({ length: 3 }, () => "DATA_DIRECTORY_IN_USE"),
      null,
    ])
    await Promise.all(children.map((child) => child.kill()))
    await expectWhole(await openCatalog(directory))
  })

  it("passes on at once when the owner was killed", async () => {
    const directory = await emptyDirectory()
    const child = startCatalog(directory)
    await child.ask("open")
    await child.ask("put", "a")
    await child.kill()
    const catalog = await openCatalog(directory)
    expect(catalog.object("a")?.version).toBe(1)
    await expectWhole(catalog)
  })

  it("of another host holds while its heart beats", async () => {
    const directory = await emptyDirectory()
    await (await openCatalog(directory)).close()
    await pretend(directory, STRANGER, Date.now() - 50_000)
    const error = await caught(openCatalog(directory))
    expect(error.code).toBe("DATA_DIRECTORY_IN_USE")
    expect(error.details).toMatchObject({ hostname: "elsewhere", address: "http://elsewhere:7070" })
    await pretend(directory, STRANGER, Date.now() - 61_000)
    await expectWhole(await openCatalog(directory))
  })

  it("does not depend on a process number that is used again", async () => {
    const directory = await emptyDirectory()
    const { ownIdentity } = await import("../../src/catalog/lmdb/process-identity.ts")
    await (await openCatalog(directory)).close()
    await pretend(directory, { ...STRANGER, process: { ...ownIdentity(), started: "1" } }, Date.now())
    await (await openCatalog(directory)).close()
    await pretend(directory, { ...STRANGER, process: { ...ownIdentity(), boot: "an earlier one" } }, Date.now())
    await (await openCatalog(directory)).close()
    await pretend(directory, { ...STRANGER, process: ownIdentity() }, Date.now() - 1e9)
    expect((await caught(openCatalog(directory))).code).toBe("DATA_DIRECTORY_IN_USE")
    await pretend(directory, STRANGER, 0)
    await expectWhole(await openCatalog(directory))
  })

  it("ends the commits of an owner whose place was taken", async () => {
    const directory = await emptyDirectory()
    const catalog = await openCatalog(directory)
    await put(catalog)
    await pretend(directory, STRANGER, Date.now())
    expect(await refusal(put(catalog, { key: "b" }))).toBe("DATA_DIRECTORY_IN_USE")
    expect(catalog.object("b")).toBeNull()
    await catalog.close()
    await pretend(directory, STRANGER, 0)
    const next = await openCatalog(directory)
    expect(next.object("b")).toBeNull()
    await expectWhole(next)
  })
})
