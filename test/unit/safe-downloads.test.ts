/** RELIABILITY §5, stored XSS and sniffing: whatever was stored under whatever type, a browser that opens it runs none of it here. */

import { parse } from "content-disposition"
import { describe, expect, it } from "vitest"
import { disposition } from "../../src/api/blob-headers.ts"
import { openTestStore } from "../flow/open-store.ts"
import { problem } from "./api-requests.ts"
import { exchange, listen } from "./api-server.ts"

const SCRIPT = "<script>alert(document.domain)</script>"
const HTML = `<!doctype html><html><body>${SCRIPT}</body></html>`
const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
const XML = `<?xml version="1.0"?><x:html xmlns:x="http://www.w3.org/1999/xhtml"><x:script>alert(1)</x:script></x:html>`
/** A GIF, and a script. */
const POLYGLOT = "GIF89a/*\u0001\u0000*/=1;alert(1)//<script>alert(1)</script>"

/** What it is, what it is declared as, and whether it may open in place. */
const HOSTILE: [content: string, type: string | null, inline: boolean][] = [
  [HTML, "text/html", false],
  [HTML, null, false],
  [HTML, "text/plain", true],
  [HTML, "TEXT/HTML; charset=utf-7", false],
  [HTML, "text/html\u00a0", false],
  [HTML, "image/png", true],
  [HTML, "application/pdf", true],
  [HTML, "application/xhtml+xml", false],
  [HTML, "multipart/x-mixed-replace; boundary=x", false],
  [HTML, "application/octet-stream", false],
  [SVG, "image/svg+xml", false],
  [SVG, "IMAGE/SVG+XML; charset=utf-8", false],
  [SVG, "image/x-odd+xml", false],
  [SVG, "image/png", true],
  [SVG, null, false],
  [XML, "text/xml", false],
  [XML, "application/xml", false],
  [XML, "image/vnd.odd+xml; a=b", false],
  [POLYGLOT, "image/gif", true],
  [POLYGLOT, "text/javascript", false],
  ["alert(1)", "application/javascript", false],
  ["%PDF-1.7 /JS (app.alert(1))", "application/pdf", true],
  ["{}", "application/json", false],
]

function expectHarmless(headers: Headers, what: string): void {
  expect(headers.get("x-content-type-options"), what).toBe("nosniff")
  expect(headers.get("content-security-policy"), what).toBe("sandbox; default-src 'none'")
  expect(headers.get("referrer-policy"), what).toBe("no-referrer")
}

describe("what was stored", () => {
  it("is sandboxed, never sniffed, and saved unless it is harmless, however it is asked for", async () => {
    const { store } = await openTestStore()
    const { url } = await listen(store)
    for (const [index, [content, type, inline]] of HOSTILE.entries()) {
      const key = `x/${index}${type === null ? (content === SVG ? ".svg" : ".html") : ""}`
      const { id } = await store
        .put(Buffer.from(content), { key, ...(type !== null && { mimeType: type }) })
        .catch(() => ({ id: null }))
      // A type that could not stand in a header is refused when it is put.
      if (id === null) continue
      const signed = (await store.signedUrl(key, { base: url })).url
      for (const [path, options] of [
        [`${url}/v1/objects/${key}`, {}],
        [`${url}/v1/objects/${key}`, { method: "HEAD" }],
        [`${url}/v1/objects/${key}`, { headers: { range: "bytes=0-1" } }],
        [signed, {}],
        [signed, { method: "HEAD" }],
      ] as const) {
        const what = `${type} ${JSON.stringify(options)} ${path}`
        const { headers } = await fetch(path, options)
        expectHarmless(headers, what)
        const kind = headers.get("content-disposition")?.split(";")[0]
        expect(kind, what).toBe(inline ? "inline" : "attachment")
      }
      for (const query of ["download", "download=1", "download=true", "download=own.txt"]) {
        const { headers } = await fetch(`${url}/v1/blobs/${id}?${query}`)
        expect(headers.get("content-disposition"), query).toMatch(/^attachment; filename=/)
      }
    }
    const archive = await fetch(`${url}/v1/archive?prefix=x/`)
    await archive.arrayBuffer()
    expectHarmless(archive.headers, "archive")
    expect(archive.headers.get("content-disposition")).toBe("attachment; filename=x.zip")
  })

  it("is told of in errors that no browser takes for a page", async () => {
    const { store } = await openTestStore()
    const { url } = await listen(store)
    for (const path of [
      `objects/${encodeURIComponent(SCRIPT)}`,
      `archive?prefix=${encodeURIComponent(SCRIPT)}`,
      "nothing",
    ]) {
      const answer = await fetch(`${url}/v1/${path}`)
      expect(answer.headers.get("x-content-type-options"), path).toBe("nosniff")
      expect((await problem(answer))[0], path).toBe(404)
    }
  })
})

describe("a name to save under", () => {
  it.each([
    ["a.txt", "attachment; filename=a.txt"],
    ["a b.txt", 'attachment; filename="a b.txt"'],
    ["résumé.pdf", "attachment; filename=r_sum_.pdf; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf"],
    ['say "hi"', "attachment; filename=\"say _hi_\"; filename*=UTF-8''say%20%22hi%22"],
    ["50%41.txt", "attachment; filename=50_41.txt; filename*=UTF-8''50%2541.txt"],
    ["a\r\nSet-Cookie: x", "attachment; filename=\"a__Set-Cookie: x\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x"],
    ["nul\u0000", "attachment; filename=nul_; filename*=UTF-8''nul%00"],
  ])("%j is %s, and is read back as it was", (name, header) => {
    expect(disposition(name, false)).toBe(header)
    expect(parse(header).parameters.filename).toBe(name)
  })

  it("that could not stand in a header, or is too long, is refused", async () => {
    const { store } = await openTestStore()
    await store.put(Buffer.from("x"), { key: "a" })
    const { url, port } = await listen(store)
    for (const name of ["a\r\nSet-Cookie: x=1", "nul\u0000", "x".repeat(256), "\u0085"]) {
      const path = `/v1/objects/a?download=${encodeURIComponent(name)}`
      expect(await problem(await fetch(url + path)), JSON.stringify(name)).toEqual([400, "INVALID_INPUT"])
    }
    for (const raw of ["%ff%fe%00d", "%c3%28", "%ED%A0%80", "x".repeat(65_536)]) {
      const answer = await exchange(
        port,
        `GET /v1/objects/a?download=${raw} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      )
      expect(answer, raw.slice(0, 20)).toMatch(/^HTTP\/1\.1 (?:200|4\d\d) /)
      expect(answer.split("\r\n\r\n")[0]).not.toMatch(/[^\t\r\n\x20-\x7e]|set-cookie/i)
    }
    const { headers } = await fetch(`${url}/v1/objects/a?download=r%C3%A9sum%C3%A9`)
    expect(headers.get("content-disposition")).toBe("attachment; filename=r_sum_; filename*=UTF-8''r%C3%A9sum%C3%A9")
    expect(await problem(await fetch(`${url}/v1/objects/a?download=1&download=2`))).toEqual([400, "INVALID_INPUT"])
  })
})
