/** What workers are told of what a backend holds and can do: of another copy only those that know of that, for others would refuse the order. */
import { expect, it } from "vitest"
import { SMALL } from "../../queues/job.ts"
import { BACKEND, HandWorker, poolHarnesses, proofOf, putOne } from "./pool-harness.ts"

const open = poolHarnesses()

it.each([
  [{ twins: true }, { key: "first", etag: "e1" }],
  [{}, undefined],
])("a worker that says %j is told %j", async (knows, twin) => {
  const server = await open()
  const worker = new HandWorker(server, "w")
  worker.knows = knows
  const content = "x".repeat(SMALL + 1)
  await putOne(server, "first", content)
  const first = await worker.claim(await worker.next())
  const seen = { size: content.length, modified: 1, etag: "e1" }
  await worker.tell(first!, { ...proofOf(first!), seen } as ReturnType<typeof proofOf>)
  await putOne(server, "second", content)
  const second = await worker.claim(await worker.next())
  expect(second?.job).toMatchObject({ backend: BACKEND, key: "second" })
  expect(second?.job.kind === "sync" && second.job.twin).toEqual(twin)
  await worker.tell(second!, proofOf(second!))
})

it("the configuration of workers is another one once a backend is found to be able to do something else", async () => {
  const server = await open()
  const backend = { name: BACKEND, settings: { driver: "s3" }, concurrency: 4, abilities: { copies: "unbound" } }
  server.backends.push(backend)
  const { revision } = server.pool.configuration()
  expect(server.pool.configuration().revision).toBe(revision)
  backend.abilities = { copies: "no" }
  expect(server.pool.configuration().revision).not.toBe(revision)
})
