/** What other clients of a WebDAV server, and some servers by themselves, lock (423): waited for a while, then told of, and nothing is lost by it. */

import { once } from "node:events"
import { createServer, request } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest"
import { rcloneSchema } from "../../src/backends/rclone/settings.ts"
import { RcloneBackend } from "../../src/backends/rclone.ts"
import {
  startRcloneWebdav,
  startWebdav,
  WEBDAV_AUTHORIZATION,
  type WebdavServer,
  webdavConfig,
} from "../webdav-server.ts"
import { contentOf, errorOf, fill, keysOf, text } from "./backend/harness.ts"
import { hashers } from "./backend.suite.ts"

let apache: WebdavServer
let rclone: WebdavServer
beforeAll(async () => {
  apache = await startWebdav()
  rclone = await startRcloneWebdav()
})
afterAll(async () => {
  await apache.stop()
  await rclone.stop()
})

const LOCK = `<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>`

/** Locks what is there, as another client does. Returns what unlocks it. */
async function lock(key: string): Promise<() => Promise<void>> {
  const headers = { authorization: WEBDAV_AUTHORIZATION, depth: "0", timeout: "Second-600", "content-type": "text/xml" }
  const answer = await fetch(`${apache.url}/${key}`, { method: "LOCK", headers, body: LOCK })
  expect(answer.status).toBe(200)
  const token = answer.headers.get("lock-token") ?? ""
  await answer.text()
  return async () => {
    const unlocking = { authorization: WEBDAV_AUTHORIZATION, "lock-token": token }
    expect((await fetch(`${apache.url}/${key}`, { method: "UNLOCK", headers: unlocking })).status).toBe(204)
  }
}

/** A backend on the server by way of a proxy that tells of the first answer 423. */
async function watchedBackend(): Promise<{ backend: RcloneBackend; refused: Promise<void> }> {
  const { promise: refused, resolve } = Promise.withResolvers<void>()
  const proxy = createServer((asked, answer) => {
    const { method, url: path, headers } = asked
    const passed = request(new URL(path ?? "/", apache.url), { method, headers }, (given) => {
      if (given.statusCode === 423) resolve()
      answer.writeHead(given.statusCode ?? 500, given.headers)
      given.pipe(answer)
    })
    asked.pipe(passed)
  })
  proxy.listen(0, "127.0.0.1")
  await once(proxy, "listening")
  const config = webdavConfig(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`)
  const backend = new RcloneBackend(rcloneSchema.parse({ driver: "rclone", remote: "webdav:", config }), { hashers })
  onTestFinished(async () => {
    await backend.close()
    proxy.closeAllConnections()
    proxy.close()
  })
  await backend.open()
  return { backend, refused }
}

it("fails what a lock of somebody else stays in the way of, is worth another try, and leaves what was there", async () => {
  const { backend, litter, dispose } = await apache.make()
  onTestFinished(dispose)
  await backend.put("k", text("old"))
  const unlock = await lock("k")
  for (const call of [() => backend.put("k", text("new")), () => backend.delete("k")]) {
    const error = await errorOf(call(), "BACKEND_UNAVAILABLE")
    expect(error).toMatchObject({ retryable: true, details: { locked: true } })
  }
  expect(await contentOf(backend, "k")).toBe("old")
  expect(await litter()).toEqual([])
  await unlock()
  await backend.put("k", text("new"))
  expect(await contentOf(backend, "k")).toBe("new")
})

it("waits for a lock that is given up", async () => {
  const { dispose } = await apache.make()
  onTestFinished(dispose)
  const { backend, refused } = await watchedBackend()
  await backend.put("k", text("old"))
  const unlock = await lock("k")
  const putting = backend.put("k", text("new"))
  await refused
  await unlock()
  await putting
  expect(await contentOf(backend, "k")).toBe("new")
})

it("ends a wait for a lock when its signal fires", async () => {
  const { dispose } = await apache.make()
  onTestFinished(dispose)
  const { backend, refused } = await watchedBackend()
  await backend.put("k", text("old"))
  const unlock = await lock("k")
  const controller = new AbortController()
  const putting = errorOf(backend.put("k", text("new"), { signal: controller.signal }), "ABORTED")
  await refused
  controller.abort()
  await putting
  await unlock()
  expect(await contentOf(backend, "k")).toBe("old")
})

it("gets many puts into one new directory past a server that locks it for each of them (rclone's own)", async () => {
  const { backend, dispose, litter } = await rclone.make()
  onTestFinished(dispose)
  const keys = Array.from({ length: 40 }, (_, index) => `new/deep/er/${String(index).padStart(2, "0")}`)
  await fill(backend, keys)
  expect(await keysOf(backend)).toEqual(keys)
  expect(await litter()).toEqual([])
})
