/** `stored tokens`: the secret alone on stdout, and once only. */
import { expect, test } from "vitest"
import { runLine } from "./cli-line.ts"
import { openTestStore } from "./open-store.ts"

async function line() {
  const { store } = await openTestStore()
  const { close: _close, ...access } = store
  return { store, run: (...words: string[]) => runLine(words, { access }) }
}

test("makes a token with all that it was told, and shows its secret on stdout alone", async () => {
  const { store, run } = await line()
  const words = "--scope read --scope write --prefix nas/ --prefix one --backend a --expires 90d --rate 2.5 --burst 7"
  const made = await run(
    "tokens",
    "create",
    "of nas",
    ...words.split(" "),
    "--quota-bytes",
    "10GB",
    "--quota-objects",
    "5",
  )
  expect(made).toMatchObject({ code: 0, err: expect.stringContaining("not shown again") })
  const token = made.out.trim()
  expect(store.tokens.verify(token)).not.toBeNull()
  expect(made.err).not.toContain(token.split(".")[1])
  const [id] = token.split(".")
  expect(store.tokens.get(id!)).toMatchObject({
    name: "of nas",
    scopes: ["read", "write"],
    prefixes: ["nas/", "one"],
    backends: ["a"],
    rate: { perSecond: 2.5, burst: 7 },
    quota: { bytes: 1e10, objects: 5 },
    expires: expect.any(Number),
  })
})

test("lists, shows, rotates and revokes, for people and for programs", async () => {
  const { store, run } = await line()
  const { id, token } = await store.tokens.create({
    name: "a b",
    scopes: ["read"],
    prefixes: ["a/"],
  })
  expect((await run("tokens", "list")).out).toBe(`${id}  a b (good): read on a/\n`)
  expect(JSON.parse((await run("tokens", "ls", "--json")).out)).toEqual(store.tokens.get(id))
  expect((await run("tokens", "show", id)).out).toMatch(/last used never/)
  const rotated = JSON.parse((await run("--json", "tokens", "rotate", id, "--overlap", "24h")).out) as { token: string }
  expect([token, rotated.token].map((one) => store.tokens.verify(one) !== null)).toEqual([true, true])
  expect((await run("tokens", "revoke", id)).out).toContain("(revoked)")
  expect(store.tokens.verify(rotated.token)).toBeNull()
  expect(await run("tokens", "show", "0123456789ab")).toMatchObject({ code: 3, out: "" })
})

test.each([
  ["no scope", ["create", "x"]],
  ["a scope that there is not", ["create", "x", "--scope", "all"]],
  ["a prefix that climbs", ["create", "x", "--scope", "read", "--prefix", "../"]],
  ["a burst without a rate", ["create", "x", "--scope", "read", "--burst", "3"]],
  ["an administrator of a folder", ["create", "x", "--scope", "admin", "--prefix", "a/"]],
])("refuses %s with 2 and makes nothing", async (_what, words) => {
  const { store, run } = await line()
  expect(await run("tokens", ...words)).toMatchObject({ code: 2, out: "" })
  expect(store.tokens.isEmpty()).toBe(true)
})
