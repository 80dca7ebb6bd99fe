/** Secrets under a master key: what opens them, what does not, and what neither may show. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import {
  MasterKey,
  makeMasterKey,
  masterKeySchema,
  masterKeysSchema,
  parseMasterKey,
} from "../../src/core/master-key.ts"
import { type Sealed, seal, unseal } from "../../src/core/seal.ts"
import { isSecretReference, mapReferencePath, resolveSecret } from "../../src/core/secret-reference.ts"
import { temporaryDirectory } from "../flow/open-store.ts"

const CANARY = "canary-7f3a"
const belonging = { backend: "cloud", field: "secretKey" }
const hex = "0f".repeat(32)

function caught(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  return expect.unreachable()
}

describe("a sealed value", () => {
  it("opens under its key, whatever other keys are beside it", () => {
    const [{ key }, { key: other }] = [makeMasterKey(), makeMasterKey()]
    for (const value of [CANARY, "", "日本", { user: "a", password: CANARY }, null]) {
      expect(unseal([other, key], seal(key, value, belonging), belonging)).toEqual(value)
    }
  })

  it("shows neither secret nor key, and is never the same twice", () => {
    const { key, text } = makeMasterKey()
    const [one, two] = [seal(key, CANARY, belonging), seal(key, CANARY, belonging)]
    expect(one.data).not.toBe(two.data)
    expect(one).toEqual({ format: 1, key: key.id, data: expect.any(String) })
    const shown = JSON.stringify([one, key]) + Buffer.from(one.data, "base64").toString("latin1")
    expect(shown).not.toContain(CANARY)
    expect(shown).not.toContain(text)
  })

  it("stays closed under another key, and says which one it needs", () => {
    const [{ key }, { key: other }] = [makeMasterKey(), makeMasterKey()]
    const error = caught(() => unseal([other], seal(key, CANARY, belonging), belonging))
    expect(error).toMatchObject({
      code: "SECRET_UNAVAILABLE",
      retryable: false,
      message: expect.stringMatching(/"secretKey" of backend "cloud".*STORED_MASTER_KEY/),
      details: { ...belonging, key: key.id },
    })
    expect(caught(() => unseal([], seal(key, CANARY, belonging), belonging))).toMatchObject({
      code: "SECRET_UNAVAILABLE",
    })
  })

  it("stays closed for another backend, another setting, another version, and once a bit has changed", () => {
    const { key } = makeMasterKey()
    const sealed = seal(key, CANARY, belonging)
    const flipped = (at: number): Sealed => {
      const bytes = Buffer.from(sealed.data, "base64")
      bytes[at]! ^= 1
      return { ...sealed, data: bytes.toString("base64") }
    }
    const size = Buffer.from(sealed.data, "base64").length
    const cases: [Sealed, typeof belonging][] = [
      [sealed, { ...belonging, backend: "other" }],
      [sealed, { ...belonging, field: "accessKey" }],
      [{ ...sealed, format: 2 }, belonging],
      [{ ...sealed, data: "" }, belonging],
      ...Array.from({ length: size }, (_, at): [Sealed, typeof belonging] => [flipped(at), belonging]),
    ]
    for (const [value, owner] of cases) {
      const error = caught(() => unseal([key], value, owner))
      expect(error).toMatchObject({ code: "SECRET_UNAVAILABLE" })
      expect(String((error as Error).stack)).not.toContain(CANARY)
    }
  })
})

describe("a master key", () => {
  it("is 32 bytes in hex or base64, the same key in each", () => {
    const base64 = Buffer.from(hex, "hex").toString("base64")
    const ids = [hex, hex.toUpperCase(), base64, base64.replace("=", ""), Buffer.from(hex, "hex").toString("base64url")]
    expect(new Set(ids.map((text) => parseMasterKey(text)?.id))).toEqual(
      new Set([new MasterKey(Buffer.from(hex, "hex")).id]),
    )
    const { key, text } = makeMasterKey()
    expect(parseMasterKey(text)?.id).toBe(key.id)
    expect(makeMasterKey().key.id).not.toBe(key.id)
  })

  it.each([
    "",
    "secret",
    hex.slice(2),
    `${hex}00`,
    "x".repeat(64),
    Buffer.alloc(31).toString("base64"),
    Buffer.alloc(33).toString("base64"),
  ])("is not %j, which is told in a sentence without it", (text) => {
    expect(parseMasterKey(text)).toBeNull()
    const issues = masterKeySchema.safeParse(text).error!.issues
    expect(issues.map(({ message }) => message)).toEqual([expect.stringMatching(/^expected 32 random bytes.*openssl/)])
    if (text) expect(JSON.stringify(issues)).not.toContain(text)
  })

  it("is read from a file, and several from one variable", async () => {
    const path = join(await temporaryDirectory(), "key")
    await writeFile(path, `${hex}\n`)
    expect(masterKeySchema.parse(`file:${path}`).id).toBe(parseMasterKey(hex)!.id)
    expect(masterKeysSchema.parse(`${"aa".repeat(32)}, file:${path}`)).toHaveLength(2)
    expect(masterKeySchema.safeParse("file:/nowhere").error!.issues[0]!.message).toContain("ENOENT")
  })
})

describe("a reference", () => {
  it("stands for what the variable or file holds, here and now", async () => {
    const path = join(await temporaryDirectory(), "secret")
    await writeFile(path, `${CANARY}\n`)
    process.env.STORED_TEST_SECRET = "from the environment"
    onTestFinished(() => void delete process.env.STORED_TEST_SECRET)
    expect(await resolveSecret(`file:${path}`, "k")).toBe(CANARY)
    expect(await resolveSecret("env:STORED_TEST_SECRET", "k")).toBe("from the environment")
    expect(await resolveSecret("environment: no reference", "k")).toBe("environment: no reference")
    expect(["env:A", "file:b", "x", 5, null, "ENV:A"].map(isSecretReference)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ])
    expect(["file:a", "env:A", "x", 5].map((value) => mapReferencePath(value, (name) => `/${name}`))).toEqual([
      "file:/a",
      "env:A",
      "x",
      5,
    ])
  })

  it("to nothing says what is missing and where", async () => {
    const directory = await temporaryDirectory()
    const [empty, large] = [join(directory, "empty"), join(directory, "large")]
    await writeFile(empty, "\n")
    await writeFile(large, CANARY.repeat(10_000))
    for (const [reference, sentence] of [
      ["env:STORED_TEST_ABSENT", /"k" is in the variable STORED_TEST_ABSENT, which is not set/],
      [`file:${empty}`, /which is empty/],
      [`file:${large}`, /more than 65536 bytes/],
      [`file:${directory}`, /EISDIR/],
      [`file:${directory}/absent`, /ENOENT/],
    ] as const) {
      await expect(resolveSecret(reference, "k")).rejects.toMatchObject({
        code: "SECRET_UNAVAILABLE",
        retryable: true,
        message: expect.stringMatching(sentence),
      })
    }
  })
})
