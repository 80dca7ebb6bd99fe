/** A browser at the doors: what pages do with uploads, downloads, media and events; what stored pages cannot do; the page that shows the API. */
import { fileURLToPath } from "node:url"
import type { BrowserContext, Page } from "playwright-core"
import { beforeAll, describe, expect, it } from "vitest"
import { ELSEWHERE, relayTo, startBrowser } from "./strangers-browser.ts"
import { give, type StrangersServer, startServer } from "./strangers-server.ts"

const SCRIPTS = fileURLToPath(new URL("strangers-page.js", import.meta.url))

let server: StrangersServer
/** Asks for tokens, and so may be reached by any name. */
let guarded: StrangersServer
let openContext: () => Promise<BrowserContext>
beforeAll(async () => {
  openContext = await startBrowser()
  server = await startServer()
  guarded = await startServer({ STORED_ADMIN_TOKEN: "token-of-the-administrator" })
}, 300_000)

/** A page of the server's own origin: any of its answers that a browser shows. */
async function openPage(url: string): Promise<Page> {
  const page = await (await openContext()).newPage()
  await page.addInitScript({ path: SCRIPTS })
  await page.goto(`${url}/openapi.json`)
  return page
}

/** A minute and a half of silence, 44.1 kHz, stereo, 16 bits: more than a browser fetches before it is asked to. */
function wave(): Buffer {
  const [rate, frame, seconds] = [44_100, 4, 90]
  const size = rate * frame * seconds
  const head = Buffer.alloc(44)
  head.write("RIFF    WAVEfmt ")
  head.writeUInt32LE(36 + size, 4)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(2, 22)
  head.writeUInt32LE(rate, 24)
  head.writeUInt32LE(rate * frame, 28)
  head.writeUInt16LE(frame, 32)
  head.writeUInt16LE(16, 34)
  head.write("data", 36)
  head.writeUInt32LE(size, 40)
  return Buffer.concat([head, Buffer.alloc(size)])
}

describe("a page in a browser", () => {
  it("uploads with progress, and downloads the same", async () => {
    // However fast the machine is, the upload is not over before its progress was told.
    const told = Promise.withResolvers<void>()
    const page = await openPage((await relayTo(server.port, { bytes: 2 ** 16, until: told.promise })).url)
    await page.exposeFunction("onProgress", told.resolve)
    // More than the buffers of sockets take.
    const size = 32_000_000
    const sent = await page.evaluate<{ status: number; steps: number[] }>(
      `uploadWithProgress("/v1/objects/up", ${size})`,
    )
    expect([sent.status, sent.steps.at(-1)]).toEqual([201, size])
    expect(sent.steps.length).toBeGreaterThan(1)
    const got = await page.evaluate<{ told: string }>(`download("/v1/objects/up")`)
    expect(got).toEqual({ size, digest: got.told, told: expect.any(String) })
  })

  it("goes to any place of a sound without the bytes before it", async () => {
    const bytes = wave()
    await give(server, "sound.wav", bytes, "audio/wav")
    const page = await openPage(server.url)
    const starts: number[] = []
    page.on("response", (answer) => {
      const start = /^bytes (\d+)-/.exec(answer.headers()["content-range"] ?? "")?.[1]
      if (start !== undefined) starts.push(Number(start))
    })
    const { at, duration } = await page.evaluate<{ at: number; duration: number }>(`seek("/v1/objects/sound.wav", 80)`)
    expect([Math.round(at), Math.round(duration)]).toEqual([80, 90])
    expect(Math.max(...starts)).toBeGreaterThan(bytes.length * 0.7)
  })

  it("hears by EventSource what happened while its connection was cut, each once", async () => {
    const relay = await relayTo(server.port)
    const page = await openPage(relay.url)
    const heard = async (count: number): Promise<[string, string][]> => {
      await page.waitForFunction(`heard.length >= ${count}`)
      return page.evaluate<[string, string][]>("heard")
    }
    await page.evaluate(`listen("/v1/events")`)
    await give(server, "e/1", "x")
    const [[seen]] = (await heard(1)) as [[string, string]]
    relay.cut()
    for (const key of ["e/2", "e/3"]) await give(server, key, "x")
    relay.join()
    await heard(3)
    await give(server, "e/4", "x")
    expect((await heard(4)).map(([, key]) => key)).toEqual(["e/1", "e/2", "e/3", "e/4"])
    // Between the put and the cut other events may have come by.
    const told = relay.heads.flatMap((head) => /\r\nlast-event-id: (\d+)\r\n/i.exec(head)?.[1] ?? [])
    expect(Number(told[0])).toBeGreaterThanOrEqual(Number(seen))
  })
})

/** Tells by the console that it ran, and would write in the name of whoever opened it. */
const SCRIPT = `console.log("a script ran"); fetch("/v1/objects/taken", { method: "PUT", body: "x" })`
const HOSTILE: [key: string, type: string, content: string][] = [
  ["x.html", "text/html", `<!doctype html><script>${SCRIPT}</script>`],
  ["x.svg", "image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg"><script>${SCRIPT}</script></svg>`],
  ["x.xhtml", "application/xhtml+xml", `<html xmlns="http://www.w3.org/1999/xhtml"><script>${SCRIPT}</script></html>`],
]

describe("what an attacker stored", () => {
  it.each(HOSTILE)(
    "as %s, of type %s, is saved and not opened; opened all the same, it runs nothing",
    async (key, type, content) => {
      await give(server, key, content, type)
      const context = await openContext()
      const said: string[] = []
      context.on("console", (message) => said.push(message.text()))
      const page = await context.newPage()
      const saved = page.waitForEvent("download")
      await expect(page.goto(server.at(key))).rejects.toThrow(/download/i)
      expect((await saved).suggestedFilename()).toBe(key)

      // As by a browser that shows attachments: now the policy of the content has to hold.
      await page.route(server.at(key), async (route) => {
        const answer = await route.fetch()
        const { "content-disposition": _, ...headers } = answer.headers()
        await route.fulfill({ response: answer, headers })
      })
      await page.goto(server.at(key))
      expect(said.filter((line) => line === "a script ran")).toEqual([])
      expect((await fetch(server.at("taken"))).status).toBe(404)
    },
  )

  it("as text is shown as text, whatever it looks like", async () => {
    await give(server, "x.txt", `<!doctype html><script>${SCRIPT}</script>`, "text/plain")
    const context = await openContext()
    const page = await context.newPage()
    await page.goto(server.at("x.txt"))
    expect(await page.evaluate("[document.contentType, document.scripts.length]")).toEqual(["text/plain", 0])
  })
})

it("the page of the API shows every operation and tries one, with nothing from elsewhere and nothing against its policy", async () => {
  const url = `http://${ELSEWHERE}:${guarded.port}`
  const context = await openContext()
  const [elsewhere, faults]: [string[], string[]] = [[], []]
  context.on("request", (request) => {
    if (!request.url().startsWith(`${url}/`) && !request.url().startsWith("data:")) elsewhere.push(request.url())
  })
  context.on("console", (message) => void (message.type() === "error" && faults.push(message.text())))
  context.on("weberror", (error) => faults.push(error.error().message))
  const page = await context.newPage()
  await page.goto(`${url}/docs`)
  await page.locator("#operations-service-getHealth").waitFor()
  const operations = await page.locator(".opblock").count()
  const document = (await (await fetch(`${guarded.url}/openapi.json`)).json()) as { paths: Record<string, object> }
  expect(operations).toBe(Object.values(document.paths).flatMap((methods) => Object.keys(methods)).length)
  const health = page.locator("#operations-service-getHealth")
  await health.locator(".opblock-summary-control").click()
  await health.locator(".try-out__btn").click()
  const answered = page.waitForResponse(`${url}/health`)
  await health.locator(".execute").click()
  expect((await answered).status()).toBe(200)
  await health.locator(".live-responses-table").waitFor()
  expect([elsewhere, faults]).toEqual([[], []])
})
