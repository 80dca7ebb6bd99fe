import { describe, expect, it, onTestFinished, vi } from "vitest"
import { syncQueue } from "../../queues/job.ts"
import { buildApp } from "../../src/api/app.ts"
import { ServerClient } from "../../workers/server-client.ts"
import { orderFor, pointerTo, TestDesk, TOKEN } from "../unit/worker-desk.ts"
import { openTestStore } from "./open-store.ts"
import { makeWorld } from "./worker-world.ts"

describe("a worker", () => {
  it("outlasts a server that starts again: nothing that was done is lost", async () => {
    const { worker, desk, transport, server } = await makeWorld()
    await worker.start()
    desk.orders.set("j1", orderFor("k"))
    desk.before = ({ claims }) => {
      if (claims.length === 0) return
      // Claimed, and gone before the result.
      desk.before = () => {}
      setImmediate(() => void server.stop().then(() => server.start()))
    }
    await transport.send(syncQueue("b"), [{ id: "j1", pointer: pointerTo("k") }])
    expect(await desk.resultOf("claim-k")).toMatchObject({ type: "synced" })
  })

  it("waits for a server that is not there yet", async () => {
    const { worker, server, lines } = await makeWorld()
    await server.stop()
    const started = worker.start()
    await vi.waitFor(() => expect(lines.join("")).toContain("still cannot be had"), 20_000)
    await server.start()
    await started
    expect(worker.queues).toHaveLength(2)
  })

  it("can be stopped while it waits for the server", async () => {
    const { worker, server } = await makeWorld()
    await server.stop()
    const started = expect(worker.start()).rejects.toMatchObject({ code: "CLOSED" })
    await worker.stop()
    await started
  })

  it("that the server does not take says so and does not begin", async () => {
    const { worker } = await makeWorld({
      server: new ServerClient({ url: new URL((await refusingServer()).url), token: "a-wrong-token-0123456789" }),
    })
    await expect(worker.start()).rejects.toMatchObject({
      code: "PERMISSION_DENIED",
      message: expect.stringMatching(/STORED_WORKER_TOKEN/),
    })
  })

  it("that stops tells the server so, ends what runs, and takes no more", async () => {
    const { worker, desk, transport } = await makeWorld()
    await worker.start()
    desk.orders.set("j1", orderFor("k"))
    const gate = Promise.withResolvers<void>()
    desk.before = ({ claims }) => (claims.length > 0 ? gate.promise : undefined)
    await transport.send(syncQueue("b"), [{ id: "j1", pointer: pointerTo("k") }])
    await desk.until(({ messages }) => messages.some(({ claims }) => claims.length > 0))
    const stopped = worker.stop()
    await transport.send(syncQueue("b"), [{ id: "j2", pointer: pointerTo("l") }])
    gate.resolve()
    await stopped
    // It came after the end was near: somebody else is to have it.
    expect(await desk.resultOf("claim-k")).toEqual({ type: "returned" })
    expect(desk.messages.at(-1)!.worker).toMatchObject({ taking: false, running: 0 })
    expect(await transport.missing(syncQueue("b"), ["j2"])).toEqual([])
    expect(transport.taken).toEqual([])
  })
})

async function refusingServer(): Promise<{ url: string }> {
  const { store } = await openTestStore()
  const desk = new TestDesk()
  const services = { desk, content: async () => Promise.reject(new Error("no")), suspect: async () => {} }
  const app = buildApp({ store, internal: { token: TOKEN, services: () => services } })
  await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => app.close())
  const { port } = app.server.address() as { port: number }
  return { url: `http://127.0.0.1:${port}` }
}
