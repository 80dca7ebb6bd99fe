/** Content types: which hint wins, what a well-formed one is. */
import { describe, expect, it } from "vitest"
import { mimeTypeFor, parseMimeType } from "../../src/store/mime-type.ts"

const PNG = Buffer.from("\x89PNG\r\n\x1a\nrest", "latin1")

describe("mimeTypeFor", () => {
  it("takes the strongest hint", () => {
    const hints = { explicit: "a/b", declared: "c/d", key: "x.pdf", name: "x.txt", head: PNG }
    expect(mimeTypeFor(hints)).toBe("a/b")
    expect(mimeTypeFor({ ...hints, explicit: undefined })).toBe("c/d")
    expect(mimeTypeFor({ key: "x.pdf", name: "x.txt", head: PNG })).toBe("application/pdf")
    expect(mimeTypeFor({ key: "x", name: "x.txt", head: PNG })).toBe("text/plain")
    expect(mimeTypeFor({ key: "x", name: null, head: PNG })).toBe("image/png")
    expect(mimeTypeFor({ key: "x" })).toBe("application/octet-stream")
  })

  it.each([
    ["photos/a.PNG", "image/png"],
    ["a.tar.gz", "application/gzip"],
    ["page.html", "text/html"],
    ["png", "application/octet-stream"],
    ["a.png/b", "application/octet-stream"],
    [".json", "application/octet-stream"],
    ["a.", "application/octet-stream"],
    ["a.unheard-of", "application/octet-stream"],
  ])("by name: %s is %s", (key, type) => {
    expect(mimeTypeFor({ key })).toBe(type)
  })

  it("knows some first bytes, and is not confused by few or none", () => {
    const byHead = (text: string): string => mimeTypeFor({ head: Buffer.from(text, "latin1") })
    expect(byHead("RIFF\0\0\0\0WEBPVP8 ")).toBe("image/webp")
    expect(byHead("\0\0\0\x18ftypisom")).toBe("video/mp4")
    expect(byHead("%PDF-1.7")).toBe("application/pdf")
    expect(byHead("%P")).toBe("application/octet-stream")
    expect(byHead("")).toBe("application/octet-stream")
  })

  it("passes over a malformed declared type, and refuses a malformed explicit one", () => {
    expect(mimeTypeFor({ declared: "nonsense", key: "a.txt" })).toBe("text/plain")
    expect(() => mimeTypeFor({ explicit: "nonsense" })).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }))
  })
})

describe("parseMimeType", () => {
  it.each(["text/plain", "application/vnd.api+json", "text/plain; charset=utf-8", 'a/b;c="d e";f=g', "A/B"])(
    "takes %s",
    (type) => {
      expect(parseMimeType(type)).toBe(type)
    },
  )

  it.each([
    "",
    "text",
    "text/",
    "/plain",
    "text/plain/more",
    "text/plain\r\nx-evil: 1",
    "text/plain; charset",
    "text/pläin",
    'a/b;c="\n"',
    " text/plain",
    "text/plain;",
    `a/${"b".repeat(300)}`,
    5,
    null,
  ])("refuses %j", (type) => {
    expect(() => parseMimeType(type)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }))
  })
})
