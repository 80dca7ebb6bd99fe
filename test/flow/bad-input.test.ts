/**
 * Bad input is refused before anything is done: problem JSON over HTTP, one line on the command line. What the library says stands in the contract of the
 * store.
 */
import { Readable } from "node:stream"
import { describe, expect, test } from "vitest"
import { listen } from "../unit/api-server.ts"
import { runLine } from "./cli-line.ts"
import { openTestStore } from "./open-store.ts"

const bytes = Buffer.from("the quick brown fox")

describe("HTTP", () => {
  test.each([
    ["PUT", "/v1/objects/a//b", {}, "INVALID_KEY"],
    ["PUT", "/v1/objects/k", { "x-stored-durability": "copies:0" }, "INVALID_INPUT"],
    ["PUT", "/v1/objects/k", { "x-stored-durability": "copies:9" }, "INVALID_INPUT"],
    ["PUT", "/v1/objects/k", { "x-stored-wait": "-1" }, "INVALID_INPUT"],
    ["PUT", "/v1/objects/k", { "x-stored-wait": "2147483648" }, "INVALID_INPUT"],
    ["PUT", "/v1/objects/k", { "x-stored-backends": "nowhere" }, "UNKNOWN_BACKEND"],
    ["PUT", "/v1/objects/k", { "x-stored-metadata": "[1]" }, "INVALID_METADATA"],
    ["DELETE", "/v1/objects/k?wait=x", {}, "INVALID_INPUT"],
    ["DELETE", "/v1/objects/k?wait=-1", {}, "INVALID_INPUT"],
    ["DELETE", "/v1/objects/k?force=perhaps", {}, "INVALID_INPUT"],
    ["DELETE", "/v1/objects/k?surprise=1", {}, "INVALID_INPUT"],
    ["GET", "/v1/objects?limit=0", {}, "INVALID_INPUT"],
    ["GET", "/v1/objects?cursor=%00", {}, "INVALID_INPUT"],
    ["GET", "/v1/objects?prefix=%00", {}, "INVALID_KEY"],
    ["GET", "/v1/objects?backend=nowhere", {}, "UNKNOWN_BACKEND"],
    ["GET", "/v1/blobs/sha256:xyz", {}, "INVALID_INPUT"],
  ])("answers %s %s %j with a problem", async (method, path, headers, code) => {
    const { store } = await openTestStore()
    await store.put(bytes, { key: "k" })
    const { url } = await listen(store)
    const answer = await fetch(url + path, { method, headers, ...(method === "PUT" && { body: "x" }) })
    expect(answer.status).toBe(400)
    expect(answer.headers.get("content-type")).toBe("application/problem+json")
    expect(await answer.json()).toMatchObject({ status: 400, code, detail: expect.stringMatching(/.{10,}/) })
    expect(await store.get("k")).toEqual(bytes)
  })
})

describe("the command line", () => {
  test.each([
    [["put", "-", "-k", "a//b"], "INVALID_KEY"],
    [["put", "-", "-k", "x", "-d", "copies:0"], "INVALID_INPUT"],
    [["put", "-", "-k", "x", "-d", "copies:9"], "INVALID_INPUT"],
    [["put", "-", "-k", "x", "--wait-ms", "soon"], "INVALID_INPUT"],
    [["put", "-", "-k", "x", "--wait-ms", "2147483648"], "INVALID_INPUT"],
    [["put", "-", "-k", "x", "-b", "nowhere"], "UNKNOWN_BACKEND"],
    [["put", "-", "-k", "x", "-m", "[1]"], "INVALID_METADATA"],
    [["put", "-", "-k", "x", "-j", "0"], "INVALID_INPUT"],
    [["ls", "-n", "x"], "INVALID_INPUT"],
    [["ls", "-b", "nowhere"], "UNKNOWN_BACKEND"],
    [["stat", "/k"], "INVALID_KEY"],
    [["get", "k", "--nonsense"], "INVALID_INPUT"],
    [["rm", "k", "-b", "nowhere"], "UNKNOWN_BACKEND"],
  ])("ends %j with 2 and one line", async (words, code) => {
    const { store } = await openTestStore()
    await store.put(bytes, { key: "k" })
    const { close, ...access } = store
    const said = await runLine(words, { access, stdin: Readable.from([bytes]) })
    expect(said).toMatchObject({ code: 2, out: "" })
    expect(said.err).toMatch(new RegExp(`^stored: [^\\n]{10,} \\[${code}\\]\\n$`))
    expect(await store.get("k")).toEqual(bytes)
    expect(await store.has("x")).toBe(false)
  })
})
