/** The life of an object, for whoever may know of a part of the keys or of some backends only. */
import { expect, test } from "vitest"
import { allowedWhy } from "../../src/api/access/allowed-why.ts"
import { accessOf } from "../../src/core/access.ts"
import type { Why } from "../../src/store/store.ts"

const place = (backend: string, objectKey: string) => ({ backend, objectKey })
const record = (key: string | null, backend: string | null) => ({ command: "sync", key, backend, detail: {} })
const why = {
  name: "in/a",
  object: {
    id: `sha256:${"a".repeat(64)}`,
    key: "in/a",
    checksums: { sha256: "a".repeat(64), md5: "of everybody" },
    locations: [{ backend: "a" }, { backend: "b" }],
  },
  copies: [place("a", "in/a"), place("b", "in/a"), place("a", "out/a")],
  checksumJob: { kind: "checksum" },
  waits: [{ backend: "a" }, { backend: "b" }, { backend: null }],
  journal: { records: [record("in/a", "a"), record("in/a", "b"), record("out/a", "a"), record(null, null)] },
} as unknown as Why

const seen = (prefixes: string[] | null, backends: string[] | null) => {
  const access = accessOf({ principal: "p", scopes: ["read"], prefixes, backends })
  const { object, copies, waits, journal, checksumJob } = allowedWhy(access, why)
  return {
    locations: object!.locations.map(({ backend }) => backend),
    copies: copies.map(({ backend, objectKey }) => `${backend} ${objectKey}`),
    waits: waits.map(({ backend }) => backend),
    checksums: Object.keys(object!.checksums),
    checksumJob,
    records: journal.records.map(({ key, backend }) => `${backend} ${key}`),
  }
}

test("everything is told to whoever may know of everything", () => {
  expect(allowedWhy(accessOf({ principal: "p", scopes: ["read"], prefixes: null, backends: null }), why)).toEqual(why)
})

test("other keys and other backends are not told of", () => {
  expect(seen(["in/"], ["a"])).toEqual({
    locations: ["a"],
    copies: ["a in/a"],
    // What content waits for is of all who have it.
    waits: ["a"],
    checksums: ["sha256"],
    checksumJob: null,
    records: ["a in/a"],
  })
  expect(seen(null, ["b"]).records).toEqual(["b in/a", "null null"])
})
