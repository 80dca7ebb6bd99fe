/** curl at the doors of a server: ranges, downloads that go on, digests, conditions, refusals before the body, and lists. */
import { createHash, randomBytes } from "node:crypto"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { provideProgram, run } from "../programs.ts"
import { give, type StrangersServer, startServer } from "./strangers-server.ts"

let server: StrangersServer
beforeAll(async () => {
  await provideProgram("curl", ["--version"], "curl")
  server = await startServer()
}, 180_000)

interface CurlAnswer {
  status: number
  /** of the last answer, names in small letters */
  headers: Record<string, string>
  body: string
}

/** What curl got, with the head of the last answer. */
async function curl(...words: string[]): Promise<CurlAnswer> {
  const { stdout } = await run("curl", ["-sSi", ...words])
  const parts = /^(?:HTTP\/1\.1 1\d\d .*?\r\n\r\n)*(HTTP\/1\.1 (\d{3}).*?)\r\n\r\n(.*)$/s.exec(stdout)
  if (!parts) throw new Error(`curl got no answer: ${stdout}`)
  const fields = parts[1]!.split("\r\n").slice(1)
  const headers = fields.map((field) => field.split(/:\s*(.*)/s, 2) as [string, string])
  return {
    status: Number(parts[2]),
    headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])),
    body: parts[3]!,
  }
}

const json = (value: unknown): string[] => ["-H", "content-type: application/json", "-d", JSON.stringify(value)]
const digestOf = (bytes: Buffer | string): string => `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:`

describe("a download by curl", () => {
  it("takes a part by its bounds, from a place on, and from the end", async () => {
    await give(server, "a/letters", "abcdefghij")
    const part = async (range: string): Promise<unknown[]> => {
      const { status, headers, body } = await curl("-r", range, server.at("a/letters"))
      return [status, headers["content-range"], body]
    }
    expect(await part("2-4")).toEqual([206, "bytes 2-4/10", "cde"])
    expect(await part("7-")).toEqual([206, "bytes 7-9/10", "hij"])
    expect(await part("-3")).toEqual([206, "bytes 7-9/10", "hij"])
    expect(await part("8-99")).toEqual([206, "bytes 8-9/10", "ij"])
    expect(await part("0-1,4-5")).toEqual([200, undefined, "abcdefghij"])
    const behind = await curl("-r", "10-", server.at("a/letters"))
    expect([behind.status, behind.headers["content-range"]]).toEqual([416, "bytes */10"])
    expect(JSON.parse(behind.body)).toMatchObject({ code: "INVALID_RANGE" })
  })

  it("of what has not changed since a time is none: curl -z", async () => {
    await give(server, "since.txt", "as it is")
    const { headers } = await curl(server.at("since.txt"))
    const at = Date.parse(headers["last-modified"]!)
    const since = async (time: number): Promise<unknown[]> => {
      const { status, body } = await curl("-z", new Date(time).toUTCString(), server.at("since.txt"))
      return [status, body]
    }
    expect(await since(at)).toEqual([304, ""])
    expect(await since(at + 3_600_000)).toEqual([304, ""])
    expect(await since(at - 1_000)).toEqual([200, "as it is"])
  })

  it("that was cut goes on where it stopped, and does not mix two contents", async () => {
    const bytes = randomBytes(8_000_000)
    const etag = await give(server, "cut/big", bytes)
    const file = join(server.folder, "big")
    // The reader leaves: curl is cut in the middle of the body.
    await run("sh", ["-c", `curl -s "$1" | head -c 3000000 > "$2"`, "sh", server.at("cut/big"), file])
    expect((await readFile(file)).equals(bytes.subarray(0, 3_000_000))).toBe(true)
    const words = ["-sS", "-C", "-", "-w", "%{http_code} %{size_download}", "-o", file, server.at("cut/big")]
    expect((await run("curl", ["-H", `If-Range: ${etag}`, ...words])).stdout).toBe("206 5000000")
    expect((await readFile(file)).equals(bytes)).toBe(true)

    await writeFile(file, bytes.subarray(0, 10))
    await give(server, "cut/big", "quite another content")
    // 33: it was given the whole where it asked for the rest, and leaves its file alone.
    await expect(run("curl", ["-H", `If-Range: ${etag}`, ...words])).rejects.toMatchObject({ code: 33 })
    expect((await readFile(file)).equals(bytes.subarray(0, 10))).toBe(true)
  })

  it("is spared where curl has it already", async () => {
    await give(server, "page", "once")
    const kept = join(server.folder, "etag")
    const words = ["--etag-save", kept, "--etag-compare", kept, server.at("page")]
    expect(await curl(...words)).toMatchObject({ status: 200, body: "once" })
    expect(await curl(...words)).toMatchObject({ status: 304, body: "" })
    await give(server, "page", "changed")
    expect(await curl(...words)).toMatchObject({ status: 200, body: "changed" })
  })
})

describe("an upload by curl", () => {
  it("of a file or a pipe holds what was sent, and its digests are checked", async () => {
    const bytes = randomBytes(300_000)
    const file = join(server.folder, "source.jpg")
    await writeFile(file, bytes)
    // curl adds the name of the file to an address that ends in a slash.
    const sent = await curl("-T", file, "-H", `Content-Digest: ${digestOf(bytes)}`, server.at("in/"))
    expect([sent.status, sent.headers.location]).toEqual([201, "/v1/objects/in/source.jpg"])
    const piped = await run("sh", ["-c", `curl -sS -T - "$1" < "$2"`, "sh", server.at("piped"), file])
    expect(JSON.parse(piped.stdout)).toMatchObject({ key: "piped", size: bytes.length })
    for (const key of ["in/source.jpg", "piped"]) {
      const { headers } = await curl("-I", server.at(key))
      expect(headers).toMatchObject({ "content-length": "300000", "repr-digest": digestOf(bytes) })
    }
    for (const field of ["Content-Digest", "Repr-Digest"]) {
      const wrong = await curl("-T", file, "-H", `${field}: ${digestOf("other")}`, server.at("wrong"))
      expect([wrong.status, JSON.parse(wrong.body).code]).toEqual([400, "CHECKSUM_MISMATCH"])
      const broken = await curl("-T", file, "-H", `${field}: sha-256=abc`, server.at("wrong"))
      expect([broken.status, JSON.parse(broken.body).code]).toEqual([400, "INVALID_INPUT"])
    }
    expect((await curl("-I", server.at("wrong"))).status).toBe(404)
  })

  it("happens only on its condition", async () => {
    const send = async (body: string, ...words: string[]): Promise<CurlAnswer> =>
      curl("-X", "PUT", "-d", body, ...words, server.at("k"))
    expect((await send("one", "-H", "If-Match: *")).status).toBe(412)
    const first = await send("one", "-H", "If-None-Match: *")
    expect(first.status).toBe(201)
    expect((await send("two", "-H", "If-None-Match: *")).status).toBe(412)
    expect((await send("two", "-H", `If-Match: ${first.headers.etag}`)).status).toBe(200)
    const late = await send("three", "-H", `If-Match: ${first.headers.etag}`)
    expect([late.status, JSON.parse(late.body).code]).toEqual([412, "CONFLICT"])
    expect((await curl(server.at("k"))).body).toBe("two")
    expect((await curl("-X", "DELETE", "-H", 'If-Match: "1"', server.at("k"))).status).toBe(412)
    expect((await curl("-X", "DELETE", "-H", 'If-Match: "2"', server.at("k"))).status).toBe(200)
  })

  it("that will be refused is not sent at all", async () => {
    await give(server, "there", "x")
    const file = join(server.folder, "big")
    await writeFile(file, Buffer.alloc(5_000_000))
    const sent = async (key: string, ...words: string[]): Promise<string> => {
      const ask = ["-sS", "--expect100-timeout", "30", "-H", "Expect: 100-continue", "-T", file]
      const { stdout } = await run("curl", [
        ...ask,
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{size_upload}",
        ...words,
        server.at(key),
      ])
      return stdout
    }
    expect(await sent("there", "-H", "If-None-Match: *")).toBe("412 0")
    expect(await sent("new", "-H", "X-Stored-Backends: nowhere")).toBe("400 0")
    expect(await sent("new", "-H", "Content-Digest: nonsense")).toBe("400 0")
    expect(await sent("new", "-H", "X-Stored-Metadata: {")).toBe("400 0")
    expect(await sent("a/../b", "--path-as-is")).toBe("400 0")
    expect(await sent("new")).toBe("201 5000000")
  })

  it("that is sent twice under one Idempotency-Key happens once", async () => {
    const send = async (body: string): Promise<CurlAnswer> =>
      curl("-X", "PUT", "-d", body, "-H", "Idempotency-Key: order-17", server.at("order"))
    const [first, again, other] = [await send("one"), await send("one"), await send("two")]
    expect([first.status, first.headers["idempotent-replayed"]]).toEqual([201, undefined])
    expect([again.status, again.headers["idempotent-replayed"]]).toEqual([201, "true"])
    const { id, version, created, isNew } = JSON.parse(first.body) as Record<string, unknown>
    expect(JSON.parse(again.body)).toMatchObject({ id, version, created, isNew })
    expect([other.status, JSON.parse(other.body).code]).toEqual([422, "KEY_REUSED"])
    expect((await curl("-I", server.at("order"))).headers["x-stored-version"]).toBe("1")
  })
})

it("curl lists, copies, moves and deletes many", async () => {
  const keys = ["many/b/1", "many/b/2", "many/b/3", "many/c/1"]
  for (const key of keys) await give(server, key, key)
  const listed = async (query: string): Promise<string[]> => {
    const { headers, body } = await curl(`${server.url}/v1/objects?format=ndjson${query}`)
    expect(headers["content-type"]).toBe("application/x-ndjson")
    const lines = body.trimEnd().split("\n").filter(Boolean)
    return lines.map((line) => (JSON.parse(line) as { key: string }).key)
  }
  expect(await listed("&prefix=many/")).toEqual(keys)
  expect(await listed("&prefix=many/b/&after=many/b/1")).toEqual(["many/b/2", "many/b/3"])
  const copied = await curl(...json({ from: "many/b/1", to: "many/ü" }), `${server.url}/v1/copy`)
  expect([copied.status, copied.headers.location]).toEqual([201, "/v1/objects/many/%C3%BC"])
  expect((await curl(...json({ from: "many/b/2", to: "many/b/1" }), `${server.url}/v1/move`)).status).toBe(200)
  expect((await curl(server.at("many/%C3%BC"))).body).toBe("many/b/1")
  expect((await curl(server.at("many/b/1"))).body).toBe("many/b/2")
  const { status, body } = await curl(
    ...json({ keys: ["many/b/1", "many/b/2", "../x", "many/c/1"] }),
    `${server.url}/v1/delete`,
  )
  expect(status).toBe(200)
  const { results } = JSON.parse(body) as { results: { key: string; id?: string; error?: { code: string } }[] }
  expect(results.map(({ key, error }) => [key, error?.code ?? "gone"])).toEqual([
    ["many/b/1", "gone"],
    ["many/b/2", "NOT_FOUND"],
    ["../x", "INVALID_KEY"],
    ["many/c/1", "gone"],
  ])
  expect(await listed("&prefix=many/")).toEqual(["many/b/3", "many/ü"])
})
