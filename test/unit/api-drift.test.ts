/** `GET /v1/backends/{name}/drift` over real HTTP: lines as they come, signs of life, and ends that are never mistaken for one another. */
import { describe, expect, it, onTestFinished } from "vitest"
import { LineFeed } from "../../src/api/line-feed.ts"
import { connect } from "../../src/client.ts"
import { StoredError } from "../../src/core/error.ts"
import type { BackendInfo, DriftEntry, DriftOptions, Store } from "../../src/store/store.ts"
import { answering } from "./answering-server.ts"
import { problem } from "./api-requests.ts"
import { listen } from "./api-server.ts"
import { mapStore } from "./map-store.ts"

const entry = (key: string): DriftEntry => ({
  kind: "new",
  key,
  objectKey: null,
  size: 1,
  checksum: null,
  healable: false,
})

/** A store whose drift is this. */
function drifting(drift: (options: DriftOptions) => AsyncIterable<DriftEntry>): Store {
  const known = (name: string): BackendInfo => {
    if (name !== "a") throw new StoredError("UNKNOWN_BACKEND", `There is no backend "${name}".`)
    return { name } as BackendInfo
  }
  return { ...mapStore(), getBackend: known, drift: (_name, options = {}) => drift(options) }
}

/** Never resolves by itself, as a backend that does not answer. */
function hangs(signal?: AbortSignal): { reached: Promise<void>; wait(): Promise<never> } {
  const reached = Promise.withResolvers<void>()
  return {
    reached: reached.promise,
    wait: () => {
      reached.resolve()
      return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)))
    },
  }
}

async function readAll(response: Response): Promise<{ text: string; isWhole: boolean }> {
  let text = ""
  try {
    for await (const chunk of response.body!) text += Buffer.from(chunk).toString()
    return { text, isWhole: true }
  } catch {
    return { text, isWhole: false }
  }
}

function client(url: string) {
  const remote = connect(url)
  onTestFinished(() => remote.close({ deadline: 0 }))
  return remote
}

describe("the lines", () => {
  it("are entries as JSON, each as soon as it is there, with signs of life between them", async () => {
    const gate = Promise.withResolvers<void>()
    const server = await listen(
      drifting(async function* () {
        yield entry("a\nb")
        await gate.promise
        yield entry("c")
      }),
      { heartbeat: 5 },
    )
    const response = await fetch(`${server.url}/v1/backends/a/drift`)
    expect(response.status).toBe(200)
    expect(response.headers.get("content-type")).toBe("application/x-ndjson")
    let text = ""
    for await (const chunk of response.body!) {
      text += Buffer.from(chunk).toString()
      if (/\n\n\n$/.test(text)) gate.resolve()
    }
    expect(
      text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line)),
    ).toEqual([entry("a\nb"), entry("c")])
    expect(text).toMatch(/^\{.*\}\n\n\n+\{.*\}\n$/)
  })

  it("begin with a sign of life where nothing differs for long", async () => {
    const gate = Promise.withResolvers<void>()
    const server = await listen(
      // biome-ignore lint/correctness/useYield: it has nothing to give
      drifting(async function* () {
        await gate.promise
      }),
      { heartbeat: 5 },
    )
    const response = await fetch(`${server.url}/v1/backends/a/drift`)
    gate.resolve()
    expect(await readAll(response)).toEqual({ text: expect.stringMatching(/^\n+$/), isWhole: true })
  })

  it("are as many as asked for, and the limit reaches the store", async () => {
    const seen: unknown[] = []
    const store = drifting(async function* ({ limit }) {
      seen.push(limit)
      yield entry("a")
    })
    const server = await listen(store)
    expect((await readAll(await fetch(`${server.url}/v1/backends/a/drift?limit=7`))).text).toBe(
      `${JSON.stringify(entry("a"))}\n`,
    )
    expect(seen).toEqual([7])
    for (const query of ["limit=0", "limit=x", "limit=1&limit=2", "nonsense=1"]) {
      const answer = await fetch(`${server.url}/v1/backends/a/drift?${query}`)
      expect(await problem(answer)).toEqual([400, "INVALID_INPUT"])
    }
  })
})

describe("the end", () => {
  it("is an error as ever where it fails before the first line", async () => {
    const server = await listen(
      // biome-ignore lint/correctness/useYield: it fails before
      drifting(async function* () {
        throw new StoredError("BACKEND_UNAVAILABLE", "The disk is away.", { retryable: true })
      }),
    )
    expect(await problem(await fetch(`${server.url}/v1/backends/a/drift`))).toEqual([503, "BACKEND_UNAVAILABLE"])
    expect(await problem(await fetch(`${server.url}/v1/backends/b/drift`))).toEqual([400, "UNKNOWN_BACKEND"])
  })

  it("is a cut connection where it fails later, and the client says so behind what came", async () => {
    const store = drifting(async function* () {
      yield entry("a")
      throw new StoredError("BACKEND_UNAVAILABLE", "The disk is away.", { retryable: true })
    })
    const server = await listen(store)
    expect((await readAll(await fetch(`${server.url}/v1/backends/a/drift`))).isWhole).toBe(false)
    const reading = Array.fromAsync(client(server.url).drift("a"))
    await expect(reading).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", retryable: true })
  })

  it("is a cut connection where the server closes, also in a backend that does not answer", async () => {
    const hung = hangs()
    const { buildApp } = await import("../../src/api/app.ts")
    const app = buildApp({
      store: drifting(async function* () {
        yield entry("a")
        await hung.wait()
      }),
    })
    await app.listen({ host: "127.0.0.1", port: 0 })
    const { port } = app.server.address() as { port: number }
    const reading = readAll(await fetch(`http://127.0.0.1:${port}/v1/backends/a/drift`))
    await hung.reached
    await app.close()
    expect(await reading).toEqual({ text: `${JSON.stringify(entry("a"))}\n`, isWhole: false })
  })

  it("ends the work where the client goes", async () => {
    const over = Promise.withResolvers<unknown>()
    const begun = Promise.withResolvers<void>()
    const server = await listen(
      drifting(async function* ({ signal }) {
        yield entry("a")
        signal!.addEventListener("abort", () => over.resolve(signal!.reason))
        begun.resolve()
        await hangs(signal).wait()
      }),
    )
    const control = new AbortController()
    await fetch(`${server.url}/v1/backends/a/drift`, { signal: control.signal })
    await begun.promise
    control.abort()
    expect(await over.promise).toMatchObject({ code: "ABORTED" })
  })
})

describe("the feed", () => {
  const heartbeat = 3_600_000

  it("is cut where nobody waits any more before it is read, also in a backend that does not answer", async () => {
    // biome-ignore lint/correctness/useYield: it has nothing to give
    const entries = (async function* (): AsyncGenerator<DriftEntry> {
      await hangs().wait()
    })()
    const feed = new LineFeed(entries, { heartbeat, signal: AbortSignal.abort() })
    await expect(Array.fromAsync(feed)).rejects.toMatchObject({ code: "ABORTED" })
  })

  it("lets the drift go when it is left", async () => {
    const left = Promise.withResolvers<void>()
    const entries = (async function* () {
      try {
        for (;;) yield entry("a")
      } finally {
        left.resolve()
      }
    })()
    const feed = new LineFeed(entries, { heartbeat, signal: new AbortController().signal })
    for await (const _ of feed) break
    await left.promise
  })
})

describe("the client", () => {
  it("ends at its signal, and closes its connection when it is left", async () => {
    const ends: Promise<unknown>[] = []
    const server = await listen(
      drifting(async function* ({ signal }) {
        ends.push(new Promise<void>((resolve) => signal!.addEventListener("abort", () => resolve())))
        yield entry("a")
        await hangs(signal).wait()
      }),
    )
    const remote = client(server.url)
    const control = new AbortController()
    const reading = (async () => {
      for await (const { key } of remote.drift("a", { signal: control.signal })) {
        expect(key).toBe("a")
        control.abort(new StoredError("ABORTED", "Enough."))
      }
    })()
    await expect(reading).rejects.toMatchObject({ code: "ABORTED", message: "Enough." })
    for await (const _ of remote.drift("a")) break
    await Promise.all(ends)
    expect(ends).toHaveLength(2)
  })

  it("takes lines however they are cut, and nothing else for them", async () => {
    const whole = `\n${JSON.stringify(entry("é"))}\n\n${JSON.stringify(entry("z"))}\n`
    const url = await answering(async (_, response) => {
      for (const byte of Buffer.from(whole)) {
        response.write(Buffer.of(byte))
        await new Promise(setImmediate)
      }
      response.end()
    })
    expect(await Array.fromAsync(client(url).drift("a"))).toEqual([entry("é"), entry("z")])
    for (const text of ["<html>\n", `${JSON.stringify(entry("a"))}\n{"kind"`]) {
      const other = client(await answering((_, response) => void response.end(text)))
      await expect(Array.fromAsync(other.drift("a"))).rejects.toMatchObject({ code: "INTERNAL" })
    }
  })
})
