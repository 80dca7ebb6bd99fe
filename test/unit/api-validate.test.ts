/** Validations over real HTTP: what reaches the store, and what is answered. */
import { expect, it } from "vitest"
import { ConflictError, type StoredError } from "../../src/core/error.ts"
import type { Store, ValidateStatus } from "../../src/store/store.ts"
import { problem } from "./api-requests.ts"
import { listen } from "./api-server.ts"
import { mapStore } from "./map-store.ts"

const STATUS = { backend: "a", number: 1, state: "running" } as ValidateStatus

/** A store that keeps what it is asked for. */
function asked(fault?: StoredError): { store: Store; calls: unknown[][] } {
  const calls: unknown[][] = []
  const keep =
    <Answer>(verb: string, answer: Answer) =>
    async (...words: unknown[]): Promise<Answer> => {
      calls.push([verb, ...words])
      if (fault) throw fault
      return answer
    }
  const verbs = {
    validate: keep("validate", [STATUS]),
    validateStatus: (...words: unknown[]): ValidateStatus => {
      calls.push(["validateStatus", ...words])
      return STATUS
    },
    pauseValidate: keep("pauseValidate", STATUS),
    cancelValidate: keep("cancelValidate", STATUS),
  }
  return { store: { ...mapStore(), ...verbs }, calls }
}

it("begins, with nothing or with what is asked for, is shown, paused and cancelled", async () => {
  const { store, calls } = asked()
  const { url } = await listen(store)
  const requestId = expect.any(String) as string
  const given = { sample: 0.01, seed: "s", prefix: "p/", rate: 1_000 }
  for (const [method, path, body, status, call] of [
    ["POST", "validate", undefined, 202, ["validate", "a b", { requestId }]],
    ["POST", "validate", JSON.stringify(given), 202, ["validate", "a b", { ...given, requestId }]],
    ["GET", "validate", undefined, 200, ["validateStatus", "a b"]],
    ["POST", "validate/pause", undefined, 200, ["pauseValidate", "a b", { requestId }]],
    ["DELETE", "validate", undefined, 200, ["cancelValidate", "a b", { requestId }]],
  ] as const) {
    const answer = await fetch(`${url}/v1/backends/a%20b/${path}`, { method, ...(body && { body }) })
    expect([answer.status, await answer.json()]).toEqual([status, STATUS])
    expect(calls.pop()).toEqual(call)
  }
})

it.each(['{"sample":0}', '{"sample":2}', '{"rate":0}', '{"rate":"20MB"}', '{"hash":true}'])(
  "%s is refused before the store is asked",
  async (body) => {
    const { store, calls } = asked()
    const { url } = await listen(store)
    const answer = await fetch(`${url}/v1/backends/a/validate`, { method: "POST", body })
    expect(await problem(answer)).toEqual([400, "INVALID_INPUT"])
    expect(calls).toEqual([])
  },
)

it("what the store refuses is a problem with its status, and a wrong method is told the right ones", async () => {
  const { url } = await listen(asked(new ConflictError("There is nothing to pause.")).store)
  const paused = await fetch(`${url}/v1/backends/a/validate/pause`, { method: "POST" })
  expect(await problem(paused)).toEqual([409, "CONFLICT"])
  const wrong = await fetch(`${url}/v1/backends/a/validate`, { method: "PATCH" })
  expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET, HEAD, POST, DELETE"])
})
