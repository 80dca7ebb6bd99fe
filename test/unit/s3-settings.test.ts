/** Settings of S3 backends: what loads, what is refused, what is shown, and that nothing of the SDK is loaded for those who have none. */
import { execFile } from "node:child_process"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { describe, expect, it } from "vitest"
import { createBackend, parseBackendConfig, redactBackendConfig } from "../../src/backends/registry.ts"
import { resolveCredentials } from "../../src/backends/s3/credentials.ts"
import { s3Schema } from "../../src/backends/s3/settings.ts"
import { S3Backend } from "../../src/backends/s3.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { temporaryDirectory } from "../flow/open-store.ts"

const hashers = await createHashers()
const pathsOf = (config: unknown): string[] => parseBackendConfig("b", config).map(({ path }) => path)
const S3 = { driver: "s3", bucket: "b" }

describe("settings", () => {
  it("loads what the first seed document writes, unchanged", () => {
    const seed = { driver: "s3", bucket: "my-bucket", credentials: {} }
    expect(parseBackendConfig("s3-prod", seed)).toEqual([])
    expect(createBackend("s3-prod", seed, { hashers })).toBeInstanceOf(S3Backend)
  })

  it("has defaults for everything but the bucket", () => {
    expect(s3Schema.parse(S3)).toEqual({
      driver: "s3",
      bucket: "b",
      prefix: "",
      credentials: {},
      partSize: 8 * 2 ** 20,
      multipartAbove: 16 * 2 ** 20,
      partsAtOnce: 8,
      signedUrlExpiry: 3600,
      signedUrls: "proxy",
      timeouts: { connect: 10_000, answer: 60_000, idle: 30_000 },
    })
  })

  it("takes everything it knows", () => {
    const all = {
      ...S3,
      prefix: "team/a/",
      region: "eu-central-1",
      endpoint: "https://s3.example.org:9000",
      pathStyle: true,
      credentials: { accessKeyId: "env:KEY", secretAccessKey: "file:/run/secret", sessionToken: "t" },
      storageClass: "STANDARD_IA",
      serverSideEncryption: "aws:kms",
      kmsKeyId: "alias/k",
      partSize: "16MiB",
      multipartAbove: "64MiB",
      partsAtOnce: 2,
      signedUrlExpiry: 60,
      signedUrls: "redirect",
      timeouts: { connect: 1, answer: 2, idle: 3 },
      watch: false,
      concurrency: 4,
      rateLimit: { max: 1, per: 1000 },
      keyTemplate: "{hash}",
    }
    expect(parseBackendConfig("b", all)).toEqual([])
    expect(s3Schema.parse(all)).toMatchObject({ prefix: "team/a", partSize: 16 * 2 ** 20 })
  })

  it.each<[string, Record<string, unknown>, string[]]>([
    ["no bucket", { bucket: undefined }, ["backends.b.bucket"]],
    ["an unknown setting", { buckt: "x" }, ["backends.b"]],
    ["a watch", { watch: true }, ["backends.b.watch"]],
    ["a prefix that climbs", { prefix: "../up" }, ["backends.b.prefix"]],
    ["a prefix that begins at the root", { prefix: "/a" }, ["backends.b.prefix"]],
    ["an endpoint that is none", { endpoint: "s3.example.org" }, ["backends.b.endpoint"]],
    ["an endpoint of another kind", { endpoint: "ftp://x" }, ["backends.b.endpoint"]],
    ["a password in the endpoint", { endpoint: "https://u:p@x" }, ["backends.b.endpoint"]],
    ["half of the credentials", { credentials: { accessKeyId: "a" } }, ["backends.b.credentials"]],
    ["a token alone", { credentials: { sessionToken: "t" } }, ["backends.b.credentials"]],
    ["parts that are too small", { partSize: "1MiB" }, ["backends.b.partSize"]],
    ["parts that are too large", { partSize: "6GiB" }, ["backends.b.partSize"]],
    ["a KMS key without KMS", { kmsKeyId: "k" }, ["backends.b.kmsKeyId"]],
    ["addresses of nobody", { signedUrls: "always" }, ["backends.b.signedUrls"]],
    ["an expiry over a week", { signedUrlExpiry: 604_801 }, ["backends.b.signedUrlExpiry"]],
    ["a deadline of nothing", { timeouts: { idle: 0 } }, ["backends.b.timeouts.idle"]],
  ])("refuses %s", (_what, more, paths) => {
    expect(pathsOf({ ...S3, ...more })).toEqual(paths)
  })
})

describe("secrets", () => {
  it("are not shown, but where they stand is", () => {
    const credentials = { accessKeyId: "env:KEY", secretAccessKey: "canary", sessionToken: "canary" }
    const shown = redactBackendConfig({ ...S3, credentials })
    expect(JSON.stringify(shown)).not.toContain("canary")
    expect(shown).toMatchObject({ bucket: "b", credentials: { accessKeyId: "env:KEY" } })
  })

  it("are found where they stand, and nowhere else", async () => {
    const file = join(await temporaryDirectory(), "secret")
    await writeFile(file, "from a file\n")
    process.env.STORED_TEST_S3_KEY = "from a variable"
    const { credentials } = s3Schema.parse({
      ...S3,
      credentials: { accessKeyId: "env:STORED_TEST_S3_KEY", secretAccessKey: `file:${file}`, sessionToken: "itself" },
    })
    expect(await resolveCredentials({ credentials })).toEqual({
      accessKeyId: "from a variable",
      secretAccessKey: "from a file",
      sessionToken: "itself",
    })
    delete process.env.STORED_TEST_S3_KEY
    await expect(resolveCredentials({ credentials })).rejects.toMatchObject({ code: "SECRET_UNAVAILABLE" })
    expect(await resolveCredentials({ credentials: {} })).toBeNull()
  })
})

describe("the SDK", () => {
  it("is not loaded by a store that has no S3 backend", async () => {
    const root = join(import.meta.dirname, "../..")
    const script = `
      import { registerHooks } from "node:module"
      const loaded = []
      registerHooks({ load: (url, context, next) => (/@aws-sdk|@smithy/.test(url) && loaded.push(url), next(url, context)) })
      await import(${JSON.stringify(join(root, "src/index.ts"))})
      const { createBackend } = await import(${JSON.stringify(join(root, "src/backends/registry.ts"))})
      const backend = createBackend("b", { driver: "s3", bucket: "b" }, {})
      process.stdout.write(String(loaded.length))
      await import(${JSON.stringify(join(root, "node_modules/@aws-sdk/client-s3/dist-cjs/index.js"))})
      process.stdout.write(loaded.length > 0 ? " then some" : " and never any")
    `
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { cwd: root })
    expect(stdout).toBe("0 then some")
  })
})
