/** The master key under which secrets of backends are sealed: where it comes from, how it is changed, and what is lost with it. */
import { chmod, copyFile, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, test, vi } from "vitest"
import { parseEnvironment } from "../../src/api/environment.ts"
import { type CreateStoreOptions, type OpenedStore, openStore, runDoctor } from "../../src/compose.ts"
import { makeMasterKey, parseMasterKey } from "../../src/core/master-key.ts"
import { runProcess } from "./cli-line.ts"
import { CANARY } from "./vault-driver.ts"
import { bytes, open, places, withSecret } from "./vault-store.ts"

vi.mock("../../src/backends/fs.ts", async (original) => (await import("./vault-driver.ts")).vaultInPlaceOfFs(original))

describe("the key", () => {
  const hex = (byte: string) => byte.repeat(32)

  test("that is lost makes that backend unavailable, and nothing else; what it held is there when it is back", async () => {
    const { data, keyFile } = await withSecret()
    await rename(keyFile, `${keyFile}.away`)
    const { store } = await open({ data })
    expect(store.getBackend("plain")).toMatchObject({ state: "open" })
    expect(store.getBackend("secret")).toMatchObject({
      state: "unavailable",
      config: { token: "***" },
      error: {
        code: "SECRET_UNAVAILABLE",
        retryable: false,
        message: expect.stringMatching(/master key [0-9a-f]{16}.*bring that key back/),
      },
    })
    await store.put(bytes, { key: "other", backends: ["plain"], durability: "all" })
    await store.put(bytes, { key: "later", backends: ["secret", "plain"] })
    await store.idle()
    expect(await store.stat("later")).toMatchObject({
      locations: [
        { backend: "secret", state: "pending", attempts: 0 },
        { backend: "plain", state: "synced" },
      ],
    })
    expect([...store.failed()]).toEqual([])
    await expect(store.testBackend("secret")).rejects.toMatchObject({ code: "SECRET_UNAVAILABLE" })
    await store.close()
    const report = await runDoctor({ data })
    expect(report.clean).toBe(false)
    expect(report.findings.filter(({ severity }) => severity === "fault")).toEqual([])
    expect(report.findings.map(({ message }) => message).join()).toMatch(/bring that key back/)
    const reopened = await open({ data })
    // A new key file would stand where the old one belongs.
    await expect(
      reopened.store.addBackend("more", { driver: "fs", root: join(data, "more"), token: CANARY }),
    ).rejects.toMatchObject({
      code: "SECRET_UNAVAILABLE",
      message: expect.stringContaining(keyFile),
    })
    expect(reopened.store.listBackends()).toEqual(["plain", "secret"])
    await reopened.store.close()
    await rename(`${keyFile}.away`, keyFile)
    const back = await open({ data })
    expect(await back.store.synced("later")).toMatchObject({ key: "later" })
    expect(back.store.getBackend("secret")).toMatchObject({ state: "open", pending: 0 })
    await back.store.close()
    expect(await runDoctor({ data })).toMatchObject({ clean: true })
  })

  test("that is lost for good: the secrets are given again, or the backend goes", async () => {
    const { data, keyFile, vault } = await withSecret()
    await rm(keyFile)
    const { store } = await open({ data })
    await store.put(bytes, { key: "waits", backends: ["secret"] })
    await expect(store.setBackend("secret", vault("secret", { token: "***" }))).rejects.toMatchObject({
      code: "SECRET_UNAVAILABLE",
    })
    expect(await store.setBackend("secret", vault("secret"))).toMatchObject({ state: "open", error: null })
    expect(await store.synced("waits")).toMatchObject({ key: "waits" })
    await store.close()
    await rm(keyFile)
    const again = await open({ data })
    await expect(again.store.removeBackend("secret")).rejects.toMatchObject({
      code: "LAST_COPY",
      details: { keys: ["k", "waits"] },
    })
    expect(again.store.getBackend("secret").state).toBe("unavailable")
    await again.store.removeBackend("secret", { force: true })
    expect(again.store.listBackends()).toEqual(["plain"])
  })

  test("is rotated by an older one beside it, which may go after one start", async () => {
    const { data } = await withSecret({ masterKeys: { current: hex("aa") } })
    expect(await readdir(data)).not.toContain("master.key")
    const state = async (masterKeys: CreateStoreOptions["masterKeys"]) => {
      const { store, services } = await open({ data }, { masterKeys })
      const { secrets } = services.catalog.backends().find(({ name }) => name === "secret")!
      const found = [store.getBackend("secret").state, secrets!.token!.key, secrets!["login.password"]!.key]
      await store.close()
      return found
    }
    const [one, two] = [hex("aa"), hex("bb")].map((text) => parseMasterKey(text)!.id)
    expect(await state({ current: hex("bb") })).toEqual(["unavailable", one, one])
    expect(await state({ current: hex("bb"), older: [hex("aa")] })).toEqual(["open", two, two])
    expect(await state({ current: hex("bb") })).toEqual(["open", two, two])
    expect(await state({ current: hex("aa") })).toEqual(["unavailable", two, two])
  })

  test("is rotated in the file by a new line above the old one, and may move to the environment", async () => {
    const { data, keyFile } = await withSecret()
    const [old] = (await readFile(keyFile, "utf8")).split("\n")
    const next = makeMasterKey()
    await writeFile(keyFile, `# since today\n${next.text}\n\n${old}\n`)
    const rotated = await open({ data })
    const secretsOf = ({ services }: OpenedStore) =>
      services.catalog.backends().find(({ name }) => name === "secret")!.secrets!
    expect(rotated.store.getBackend("secret").state).toBe("open")
    expect(secretsOf(rotated).token!.key).toBe(next.key.id)
    await rotated.store.close()
    const moved = await open({ data }, { masterKeys: { current: hex("cc") } })
    expect(moved.store.getBackend("secret").state).toBe("open")
    expect(secretsOf(moved).token!.key).toBe(parseMasterKey(hex("cc"))!.id)
    await moved.store.close()
    await rm(keyFile)
    expect((await open({ data }, { masterKeys: { current: hex("cc") } })).store.getBackend("secret").state).toBe("open")
  })

  test.each<[string, (path: string) => Promise<unknown>, RegExp]>([
    ["others can read", (path) => chmod(path, 0o644), /can be read by others \(mode 644\)/],
    [
      "is a link",
      async (path) =>
        copyFile(path, `${path}.2`)
          .then(() => rm(path))
          .then(() => symlink(`${path}.2`, path)),
      /cannot be read \(ELOOP\)/,
    ],
    ["holds something else", (path) => writeFile(path, "password\n"), /has a line that is no key/],
    ["is empty", (path) => writeFile(path, ""), /has a line that is no key/],
  ])("in a file that %s is refused", async (_name, spoil, sentence) => {
    const { data, keyFile, vault } = await withSecret()
    await spoil(keyFile)
    const { store } = await open({ data })
    expect(store.getBackend("plain").state).toBe("open")
    const error = { code: "SECRET_UNAVAILABLE", message: expect.stringMatching(sentence) }
    expect(store.getBackend("secret")).toMatchObject({ state: "unavailable", error })
    await expect(store.addBackend("more", vault("more"))).rejects.toMatchObject(error)
    expect(store.listBackends()).toEqual(["plain", "secret"])
  })

  test("comes from the environment, of a server and of a command", async () => {
    const { data, directory } = await places()
    const env = { STORED_MASTER_KEY: hex("aa"), STORED_MASTER_KEY_OLD: `${hex("bb")}, ${hex("cc")}` }
    const { masterKeys } = parseEnvironment(env)
    expect([masterKeys.current, ...masterKeys.older].map((key) => key?.id)).toEqual(
      ["aa", "bb", "cc"].map((byte) => parseMasterKey(hex(byte))!.id),
    )
    expect(parseEnvironment({})).toMatchObject({ masterKeys: { current: null, older: [] } })
    const wrong = ["STORED_MASTER_KEY", "STORED_MASTER_KEY_OLD"].map((name) => ({ [name]: `${CANARY},${hex("aa")}` }))
    for (const variables of wrong) {
      const error = await Promise.resolve(variables)
        .then(parseEnvironment)
        .then(
          () => expect.unreachable(),
          (fault) => fault,
        )
      expect(error).toMatchObject({
        code: "INVALID_CONFIG",
        message: expect.stringMatching(/STORED_MASTER_KEY.*32 random bytes/),
      })
      expect(JSON.stringify(error)).not.toContain(CANARY)
    }
    // The command itself has the real drivers, with `s3` the one that has secrets; it is refused before it is kept, and no key file is made.
    const settings = {
      driver: "s3",
      bucket: "b",
      endpoint: "http://127.0.0.1:9",
      credentials: { accessKeyId: "id", secretAccessKey: CANARY },
    }
    const words = ["--data", data, "backends", "add", "s", "--from", "-"]
    const said = await runProcess(words, {
      env: { ...env, STORED_LOG: "trace" },
      input: JSON.stringify(settings),
      cwd: directory,
    })
    expect(said).toMatchObject({ code: 5, err: expect.stringContaining("BACKEND_UNAVAILABLE") })
    expect(said.err + said.out).not.toContain(CANARY)
    const refused = await runProcess(words, {
      env: { STORED_MASTER_KEY: "short" },
      input: '{"driver":"memory"}',
      cwd: directory,
    })
    expect(refused).toMatchObject({
      code: 2,
      err: expect.stringMatching(/STORED_MASTER_KEY: expected 32 random bytes/),
    })
    expect(await readdir(data)).not.toContain("master.key")
  }, 60_000)

  test("that was given and is none is told at once", async () => {
    const { data } = await places()
    const opening = openStore({ data }, { masterKeys: { current: "not a key" } })
    await expect(opening).rejects.toMatchObject({
      code: "INVALID_CONFIG",
      message: expect.stringContaining("32 random bytes"),
    })
  })
})
