/** Decisions as lines in a file: chained, whole, one behind the other over restarts and rotations; and what the doctor finds where somebody has changed them. */
import { appendFileSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { AuditEvent } from "../../src/api/access/audit.ts"
import { AuditTrail } from "../../src/api/access/audit-trail.ts"
import { checkAudit } from "../../src/cli/check-audit.ts"
import { temporaryDirectory } from "../flow/open-store.ts"

const event = (path: string): AuditEvent => ({
  time: 1,
  decision: "refused",
  principal: null,
  requestId: "r",
  method: "GET",
  operation: null,
  path,
  address: "192.0.2.1",
  code: "FORBIDDEN",
})

async function trailed(count: number) {
  const path = join(await temporaryDirectory(), "audit.jsonl")
  const trail = AuditTrail.open(path)
  for (let number = 1; number <= count; number += 1) trail.write(event(`/${number}`))
  return { path, trail }
}

async function faults(...paths: string[]): Promise<string[]> {
  const { findings, clean } = await checkAudit(paths, { signal: new AbortController().signal, onFinding: () => {} })
  expect(clean).toBe(findings.every(({ severity }) => severity === "note"))
  return findings.map(({ severity, subject }) => `${severity} ${subject.replace(/^.*\//, "")}`)
}

const linesOf = (path: string): string[] => readFileSync(path, "utf8").split("\n").slice(0, -1)

describe("the audit trail", () => {
  it("is lines of JSON in printable ASCII, which only its owner may read", async () => {
    const { path, trail } = await trailed(1)
    trail.write({ ...event("/x"), signed: { method: "GET", name: 'a\n{"sequence":9}\u2028\u0085\u202e', expires: 1 } })
    expect(readFileSync(path, "latin1")).toMatch(/^[\x20-\x7e\n]*$/)
    expect(linesOf(path).map((line) => (JSON.parse(line) as { sequence: number }).sequence)).toEqual([1, 2])
    expect(JSON.parse(linesOf(path)[1]!)).toMatchObject({ signed: { name: 'a\n{"sequence":9}\u2028\u0085\u202e' } })
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(await faults(path)).toEqual([])
  })

  it("goes on behind its last record at the next start, and cuts half a one off", async () => {
    const { path, trail } = await trailed(3)
    trail.close()
    appendFileSync(path, '{"sequence":4,"time":1,"dec')
    const again = AuditTrail.open(path)
    expect(again.head).toEqual(trail.head)
    again.write(event("/again"))
    expect(linesOf(path)).toHaveLength(4)
    expect(await faults(path)).toEqual([])
    truncateSync(path, 20)
    expect(AuditTrail.open(path).head.sequence).toBe(0)
    expect(statSync(path).size).toBe(0)
  })

  it("is left for a new file where somebody has moved it, and the chain goes on there", async () => {
    const { path, trail } = await trailed(2)
    renameSync(path, `${path}.1`)
    trail.write(event("/before"))
    trail.reopen()
    trail.write(event("/after"))
    trail.reopen()
    trail.write(event("/same file"))
    expect([linesOf(`${path}.1`).length, linesOf(path).length]).toEqual([3, 2])
    expect(await faults(`${path}.1`, path)).toEqual([])
    // A part of it alone is as good as it can be known to be; in the wrong order it is not.
    expect(await faults(path)).toEqual([])
    expect(await faults(path, `${path}.1`)).toEqual(["note audit.jsonl.1:1"])
    renameSync(path, `${path}.2`)
    const restarted = AuditTrail.open(path)
    restarted.write(event("/anew"))
    expect(await faults(`${path}.1`, `${path}.2`, path)).toEqual(["note audit.jsonl:1"])
  })

  it("counts what could not be written, and leaves no half of it", async () => {
    const { path, trail } = await trailed(1)
    trail.close()
    expect(() => trail.write(event("/lost"))).toThrow(/closed/)
    trail.reopen()
    trail.write(event("/next"))
    expect(JSON.parse(linesOf(path)[1]!)).toMatchObject({ sequence: 2, path: "/next", missed: 1 })
    expect(await faults(path)).toEqual([])
  })

  it("touches no file that is something else", async () => {
    const path = join(await temporaryDirectory(), "notes")
    for (const text of ["one line", "two\nlines\n", '{"a":1}\n']) {
      writeFileSync(path, text)
      expect(() => AuditTrail.open(path), text).toThrow(expect.objectContaining({ code: "INVALID_CONFIG" }))
      expect(readFileSync(path, "utf8")).toBe(text)
    }
    expect(() => AuditTrail.open(join(path, "below"))).toThrow(/STORED_AUDIT/)
  })
})

describe("the doctor", () => {
  const edits: [what: string, edit: (lines: string[]) => string[], found: string[]][] = [
    ["a record was changed", (lines) => lines.with(2, lines[2]!.replace("/3", "/0")), ["fault audit.jsonl:4"]],
    ["a record was removed", (lines) => lines.toSpliced(2, 1), ["fault audit.jsonl:3"]],
    [
      "two were swapped",
      (lines) => lines.with(1, lines[2]!).with(2, lines[1]!),
      ["fault audit.jsonl:2", "fault audit.jsonl:3", "fault audit.jsonl:4"],
    ],
    ["one was added", (lines) => lines.toSpliced(2, 0, lines[1]!), ["fault audit.jsonl:3"]],
    ["something stands between", (lines) => lines.toSpliced(2, 0, "# a remark"), ["fault audit.jsonl:3"]],
    ["the beginning is missing", (lines) => lines.slice(2), []],
  ]

  it.each(edits)("tells that %s", async (_what, edit, found) => {
    const { path } = await trailed(5)
    writeFileSync(
      path,
      edit(linesOf(path))
        .map((line) => `${line}\n`)
        .join(""),
    )
    expect(await faults(path)).toEqual(found)
  })

  it("says where there is no file", async () => {
    const path = join(await temporaryDirectory(), "none")
    await expect(faults(path)).rejects.toMatchObject({ code: "NOT_FOUND" })
  })
})
