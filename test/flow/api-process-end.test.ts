/** How the service ends as a process: an unknown commit with 70, what nobody caught with a line in the log, a second signal at once. */
import { once } from "node:events"
import { expect, it } from "vitest"
import { startProcess } from "./server-process.ts"

const entry = new URL("./faulty-server.ts", import.meta.url).pathname

it("with 70 and no internals in the answer, where a commit's outcome is unknown", async () => {
  const server = await startProcess({}, [entry, "commit"])
  const closed = once(server.child, "close")
  const answer = await fetch(`${server.url}/v1/objects/a`, { method: "PUT", body: "x" })
  const problem = await answer.text()
  expect(answer.status).toBe(500)
  expect(JSON.parse(problem)).toMatchObject({ code: "COMMIT_UNKNOWN" })
  expect(problem).not.toContain("EIO")
  expect(await closed).toEqual([70, null])
  expect(server.said()).toContain("fdatasync failed: EIO")
})

it.each([
  ["rejection", 1, "nobody caught this"],
  ["exception", 70, "fdatasync failed"],
])("after a %s that nobody caught, with %i", async (way, code, sentence) => {
  const server = await startProcess({}, [entry, way])
  const closed = once(server.child, "close")
  // The process may be gone before its answer is.
  await fetch(`${server.url}/v1/objects/a`, { method: "PUT", body: "x" }).catch(() => {})
  expect(await closed).toEqual([code, null])
  const logged = server.said().trimEnd().split("\n").at(-1)!
  expect(JSON.parse(logged)).toMatchObject({ level: 60, err: { message: expect.stringContaining(sentence) } })
})

it("at once by the second signal, where the first cannot end it", async () => {
  const server = await startProcess({}, [entry, "stuck"])
  const closed = once(server.child, "close")
  server.child.kill("SIGTERM")
  // The port is let go first: then the signal has been heard.
  for (let open = true; open; )
    open = await fetch(server.url).then(
      () => true,
      () => false,
    )
  server.child.kill("SIGINT")
  expect(await closed).toEqual([130, null])
})
