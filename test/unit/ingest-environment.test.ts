/** What a worker may ingest, as its environment says it: nothing, unless it is named; and what is named wrongly is refused. */
import { describe, expect, it } from "vitest"
import { isStoredError } from "../../src/core/error.ts"
import { parseWorkerEnvironment } from "../../workers/environment.ts"
import { allowsSources } from "../../workers/ingest-environment.ts"
import { TOKEN } from "./worker-desk.ts"

const GIVEN = { REDIS_URL: "redis://127.0.0.1:1", STORED_WORKER_TOKEN: TOKEN }

describe("the environment of an ingest worker", () => {
  it("allows nothing where it names nothing", () => {
    const { limits } = parseWorkerEnvironment(GIVEN).ingest
    expect(limits).toEqual({ roots: [], urls: { prefixes: [], allowPrivate: false } })
    expect(allowsSources(limits)).toBe(false)
  })

  it("names roots and prefixes of URLs, and the token that the server's API asks for", () => {
    const { limits, token } = parseWorkerEnvironment({
      ...GIVEN,
      STORED_INGEST_ROOTS: "/srv/in/:/mnt//scans:",
      STORED_INGEST_URLS: "https://a.example/in, https://b.example:8443 ",
      STORED_INGEST_PRIVATE: "1",
      STORED_TOKEN: "geheim",
    }).ingest
    expect(limits).toEqual({
      roots: ["/srv/in", "/mnt/scans"],
      urls: { prefixes: [new URL("https://a.example/in"), new URL("https://b.example:8443")], allowPrivate: true },
    })
    expect(token).toBe("geheim")
    for (const one of [{ STORED_INGEST_ROOTS: "/srv" }, { STORED_INGEST_URLS: "https://a" }]) {
      expect(allowsSources(parseWorkerEnvironment({ ...GIVEN, ...one }).ingest.limits)).toBe(true)
    }
  })

  it.each([
    ["STORED_INGEST_ROOTS", "/srv:geheim/in"],
    ["STORED_INGEST_ROOTS", "."],
    ["STORED_INGEST_URLS", "http://geheim"],
    ["STORED_INGEST_URLS", "https://a.example file:///geheim"],
    ["STORED_INGEST_URLS", "https://user:geheim@a.example"],
    ["STORED_INGEST_URLS", "https://a.example/?geheim"],
    ["STORED_INGEST_URLS", "geheim"],
    ["STORED_INGEST_PRIVATE", "geheim"],
    ["STORED_TOKEN", "geheim geheim"],
  ])("refuses %s=%s, and does not show it", (name, value) => {
    try {
      parseWorkerEnvironment({ ...GIVEN, [name]: value })
    } catch (error) {
      if (!isStoredError(error)) throw error
      expect(error).toMatchObject({ code: "INVALID_CONFIG", details: { issues: [{ path: name }] } })
      expect(error.message + JSON.stringify(error)).not.toContain("geheim")
      return
    }
    throw new Error("it was taken")
  })
})
