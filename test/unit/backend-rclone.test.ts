/** Settings of the rclone driver, what it says of faults, and its end with the process that uses it. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest"
import { RcloneDaemon } from "../../src/backends/rclone/daemon.ts"
import { rcloneError } from "../../src/backends/rclone/error.ts"
import { rcloneSchema, toEnvironment } from "../../src/backends/rclone/settings.ts"
import { createBackend, parseBackendConfig, redactBackendConfig } from "../../src/backends/registry.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { Endpoints } from "../../src/core/endpoints.ts"
import { StoredError } from "../../src/core/error.ts"
import { provideProgram, run } from "../programs.ts"

const hashers = await createHashers()
const settings = (config: Record<string, unknown>) => ({ driver: "rclone", remote: "nas:a/b", config })

describe("settings", () => {
  it.each<[string, Record<string, unknown>, string]>([
    ["no kind of remote", { host: "h" }, "type"],
    ["an option that runs a program", { type: "webdav", bearer_token_command: "x" }, "bearer_token_command"],
    ["a program for SFTP", { type: "sftp", ssh: "x" }, "ssh"],
    ["what may be a secret and would be shown", { type: "webdav", headers: "Authorization,x" }, "headers"],
    ["a secret of no text", { type: "sftp", pass: 5 }, "pass"],
    ["what is no name of an option", { type: "sftp", "Host=x": "y" }, "Host=x"],
  ])("are refused with %s", (_what, config, option) => {
    expect(parseBackendConfig("x", settings(config)).map(({ path }) => path)).toEqual([`backends.x.config.${option}`])
  })

  it.each(["", "nas", "na-s:", "nas:a]b", ":sftp:x"])("are refused with the remote %j", (remote) => {
    expect(parseBackendConfig("x", { driver: "rclone", remote })).toHaveLength(1)
  })

  it("show no secret, and where one stands", () => {
    const config = { type: "sftp", pass: "canary", key_pem: "file:/run/key", user: "me" }
    expect(redactBackendConfig(settings(config)).config).toEqual({ ...config, pass: "***" })
  })

  it("reach rclone by its environment, passwords as it wants them", async () => {
    await provideProgram("rclone", ["version"], "rclone")
    process.env.TEST_RCLONE_PASS = "pâss word"
    const given = { type: "sftp", user: "me", port: 22, pass: "env:TEST_RCLONE_PASS" }
    const { environment, secrets } = await toEnvironment(rcloneSchema.parse(settings(given)))
    delete process.env.TEST_RCLONE_PASS
    const { RCLONE_CONFIG_NAS_PASS: obscured = "", ...others } = environment
    expect(others).toEqual({
      RCLONE_CONFIG: "/dev/null",
      RCLONE_CONFIG_NAS_TYPE: "sftp",
      RCLONE_CONFIG_NAS_USER: "me",
      RCLONE_CONFIG_NAS_PORT: "22",
    })
    expect(secrets).toEqual(["pâss word", obscured])
    expect((await run("rclone", ["reveal", obscured])).stdout.trim()).toBe("pâss word")
  })
})

it.each([
  ["ssh: unable to authenticate, canary", "PERMISSION_DENIED", false],
  ["didn't find section in config file", "INVALID_CONFIG", false],
  ["507 Insufficient Storage", "BACKEND_FULL", false],
  ["connection reset by peer canary", "BACKEND_UNAVAILABLE", true],
])("takes %j for %s, and tells no secret", (said, code, retryable) => {
  const error = rcloneError(said, ["canary", ""])
  expect(error).toMatchObject({ code, retryable })
  expect(error.message).not.toContain("canary")
})

describe("rclone", () => {
  let directory: string
  beforeEach(async () => {
    await provideProgram("rclone", ["version"], "rclone")
    directory = await mkdtemp(join(tmpdir(), "stored-rclone-"))
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  it("says what is wrong where the server cannot be reached, and leaves nothing running", async () => {
    const config = { type: "webdav", url: "http://127.0.0.1:9", vendor: "other", user: "u", pass: "canary" }
    const backend = createBackend("x", settings(config), { hashers })
    const error: unknown = await backend.open().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: "BACKEND_UNAVAILABLE", retryable: true })
    expect(JSON.stringify(error)).not.toContain("canary")
  })

  it("looks again whether it may go where its options say before an rclone that has ended is started anew", async () => {
    const started = vi.spyOn(RcloneDaemon, "start")
    onTestFinished(() => started.mockRestore())
    const endpoints = new Endpoints()
    const config = { driver: "rclone", remote: `here:${directory}`, config: { type: "local", host: "127.0.0.1" } }
    const backend = createBackend("x", config, { hashers, endpoints })
    onTestFinished(() => backend.close())
    await backend.open()
    await (await started.mock.results[0]?.value)?.stop()
    const message = "It leads to another place now."
    const resolved = vi
      .spyOn(endpoints, "requireResolved")
      .mockRejectedValue(new StoredError("INVALID_CONFIG", message))
    await expect(backend.stat("k")).rejects.toMatchObject({ code: "INVALID_CONFIG", message })
    expect(started).toHaveBeenCalledTimes(1)
    resolved.mockRestore()
    expect(await backend.stat("k")).toBeNull()
    expect(started).toHaveBeenCalledTimes(2)
  })

  it("needs a password, which stands on no command line, and ends with its user", async () => {
    const daemon = await RcloneDaemon.start({ RCLONE_CONFIG_CANARY_TYPE: "local" }, [])
    expect((await fetch(`${daemon.url}/core/pid`, { method: "POST" })).status).toBe(401)
    const authorization = `Basic ${Buffer.from(daemon.auth).toString("base64")}`
    const answer = await fetch(`${daemon.url}/core/pid`, { method: "POST", headers: { authorization } })
    const { pid } = (await answer.json()) as { pid: number }
    const { stdout } = await run("ps", ["-o", "args=", "-p", String(pid)])
    for (const secret of daemon.auth.split(":")) expect(stdout).not.toContain(secret)
    await daemon.stop()
    expect(() => process.kill(pid, 0)).toThrow("ESRCH")
  })

  it("ends when its user is killed", async () => {
    const daemon = new URL("../../src/backends/rclone/daemon.ts", import.meta.url)
    const script = `const { RcloneDaemon } = await import(${JSON.stringify(daemon.href)})
      const { url, auth } = await RcloneDaemon.start({}, [])
      const headers = { authorization: "Basic " + Buffer.from(auth).toString("base64") }
      process.stdout.write(String((await (await fetch(url + "/core/pid", { method: "POST", headers })).json()).pid), () => process.kill(process.pid, "SIGKILL"))`
    const user = run(process.execPath, ["--input-type=module", "-e", script])
    const { stdout } = await user.catch((error: { stdout: string }) => error)
    expect(Number(stdout)).toBeGreaterThan(0)
    await expect
      .poll(() =>
        run("ps", ["-o", "stat=", "-p", stdout]).then(
          (left) => left.stdout.trim(),
          () => "",
        ),
      )
      .toMatch(/^(Z.*)?$/)
  })
})
