/** Files of `STORED_AUDIT` against their own chain: each record names the one before it by number and hash. What was cut off at the end of the last one, or written anew as a whole, nothing in it tells. */
import { createReadStream } from "node:fs"
import { createInterface } from "node:readline"
import { StoredError, throwIfAborted } from "../core/error.ts"
import { type ChainHead, headOf, isChainStart, linkFault } from "../core/hash-chain.ts"
import type { DoctorFinding, DoctorOutcome } from "./command-line.ts"

/** @param paths the oldest first: each goes on where the one before it ends. @throws StoredError NOT_FOUND, INVALID_INPUT, ABORTED */
export async function checkAudit(
  paths: readonly string[],
  { signal, onFinding }: { signal: AbortSignal; onFinding(finding: DoctorFinding): void },
): Promise<DoctorOutcome> {
  const findings: DoctorFinding[] = []
  const tell = (severity: "fault" | "note", subject: string, message: string): void => {
    const finding = { invariant: "audit", severity, subject, message, repair: null }
    findings.push(finding)
    onFinding(finding)
  }
  let head: ChainHead | null = null
  let records = 0
  for (const path of paths) {
    let number = 0
    for await (const line of linesOf(path)) {
      throwIfAborted(signal)
      number += 1
      const place = `${path}:${number}`
      const isStart = isChainStart(line)
      if (isStart && head !== null)
        tell("note", place, "A new chain begins here: what came last before it is not known.")
      const fault = isStart ? null : linkFault(head, line)
      if (fault !== null) tell("fault", place, `This record was changed, or others beside it: ${fault}.`)
      head = headOf(line) ?? head
      records += 1
    }
  }
  const clean = findings.every(({ severity }) => severity === "note")
  return { clean, findings, repaired: 0, checked: { files: paths.length, records } }
}

/** @throws StoredError NOT_FOUND, INVALID_INPUT */
async function* linesOf(path: string): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: createReadStream(path, "utf8"), crlfDelay: Number.POSITIVE_INFINITY })
  } catch (cause) {
    const { code = String(cause) } = cause as NodeJS.ErrnoException
    throw new StoredError(code === "ENOENT" ? "NOT_FOUND" : "INVALID_INPUT", `${path} cannot be read (${code}).`, {
      cause,
    })
  }
}
