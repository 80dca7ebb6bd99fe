/** `STORED_AUDIT` of a server that runs: every decision is in the file, through a rotation, and the doctor follows the chain from one file to the next. */
import { renameSync, writeFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it, vi } from "vitest"
import { runProcess } from "./cli-line.ts"
import { temporaryDirectory } from "./open-store.ts"
import { startProcess } from "./server-process.ts"

const ADMIN = "the-token-of-the-administrator"

interface Line {
  sequence: number
  decision: string
  principal: string | null
  path: string
  code: string | null
  requestId: string
  address: string
}

async function linesOf(path: string): Promise<Line[]> {
  return (await readFile(path, "utf8"))
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line)
}

it("has every decision in the file, over a rotation, and in a chain that the doctor follows", async () => {
  const folder = await temporaryDirectory()
  const path = join(folder, "audit.jsonl")
  const { url, child, end } = await startProcess({
    STORED_DATA: join(folder, "data"),
    STORED_ADMIN_TOKEN: ADMIN,
    STORED_AUDIT: path,
    STORED_TRUSTED_PROXIES: "127.0.0.1",
  })
  const ask = (where: string, token: string) =>
    fetch(url + where, { headers: { authorization: `Bearer ${token}`, "x-forwarded-for": "192.0.2.7" } })
  const { status, headers } = await ask("/v1/status?x=%0A", ADMIN)
  expect((await ask("/v1/status", "wrong")).status).toBe(401)
  expect([status, (await ask("/metrics", "wrong")).status]).toEqual([400, 401])
  const own = { address: "192.0.2.7", operation: "getStatus", path: "/v1/status" }
  expect(await linesOf(path)).toMatchObject([
    { sequence: 1, decision: "allowed", principal: "admin", requestId: headers.get("x-request-id"), ...own },
    { sequence: 2, decision: "refused", principal: null, code: "UNAUTHENTICATED", ...own },
    { sequence: 3, decision: "refused", path: "/metrics" },
  ])
  renameSync(path, `${path}.1`)
  child.kill("SIGHUP")
  await vi.waitFor(
    async () => {
      expect((await ask("/v1/status", ADMIN)).status).toBe(200)
      expect((await linesOf(path)).length).toBeGreaterThan(0)
    },
    { timeout: 30_000 },
  )
  expect((await end()).code).toBe(0)
  const doctor = (...files: string[]) => runProcess(["doctor", "--json", "--audit", ...files])
  const good = await doctor(`${path}.1`, path)
  expect([good.code, JSON.parse(good.out)]).toMatchObject([0, { clean: true, checked: { files: 2 } }])
  writeFileSync(`${path}.1`, (await readFile(`${path}.1`, "utf8")).replace("192.0.2.7", "192.0.2.8"))
  const bad = await doctor(`${path}.1`, path)
  expect(bad.code).toBe(8)
  expect(JSON.parse(bad.out.split("\n")[0]!)).toMatchObject({ severity: "fault", subject: `${path}.1:2` })
})

it("writes to stdout where that is asked for, behind what is said there", async () => {
  const folder = await temporaryDirectory()
  const { url, child } = await startProcess({
    STORED_DATA: folder,
    STORED_ADMIN_TOKEN: ADMIN,
    STORED_AUDIT: "stdout",
  })
  const said = new Promise<string>((resolve) => child.stdout!.once("data", (chunk: Buffer) => resolve(String(chunk))))
  await fetch(`${url}/v1/status`)
  expect(JSON.parse(await said)).toMatchObject({ sequence: 1, code: "UNAUTHENTICATED", address: "127.0.0.1" })
})

it("does not start where the file is something else", async () => {
  const folder = await temporaryDirectory()
  const path = join(folder, "notes")
  writeFileSync(path, "my notes\n")
  await expect(startProcess({ STORED_DATA: join(folder, "data"), STORED_AUDIT: path })).rejects.toThrow(/STORED_AUDIT/)
  expect(await readFile(path, "utf8")).toBe("my notes\n")
})
