/**
 * Who a process is, beyond its number: numbers are used again. On Linux the boot, the moment the process was started and its namespace of
 * numbers tell two apart; elsewhere only the number is known.
 */
import { readFileSync, readlinkSync } from "node:fs"
import { hostname } from "node:os"
import * as z from "zod"
import { codeOf } from "./failure.ts"

export const processIdentitySchema = z.object({
  pid: z.int(),
  hostname: z.string(),
  /** in clock ticks since the boot, as the kernel writes it; null where it is not known */
  started: z.string().nullable(),
  boot: z.string().nullable(),
  namespace: z.string().nullable(),
})

export type ProcessIdentity = z.output<typeof processIdentitySchema>

export function ownIdentity(): ProcessIdentity {
  return {
    pid: process.pid,
    hostname: hostname(),
    started: startOf(process.pid),
    boot: tryRead(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    namespace: tryRead(() => readlinkSync("/proc/self/ns/pid")),
  }
}

/** Whether that process runs now; null where this one cannot tell, because it runs on another host or out of sight. */
export function isRunning(other: ProcessIdentity, self: ProcessIdentity): boolean | null {
  if (other.hostname !== self.hostname) return null
  if (other.boot !== self.boot) return false
  if (other.namespace !== self.namespace) return null
  return exists(other.pid) && startOf(other.pid) === other.started
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Somebody else's process is a process all the same.
    return codeOf(error) === "EPERM"
  }
}

/** Null for a process that is gone, that has ended and only waits to be collected, or where there is no /proc. */
function startOf(pid: number): string | null {
  const stat = tryRead(() => readFileSync(`/proc/${pid}/stat`, "utf8"))
  if (stat === null) return null
  // The name of the program stands in brackets and may hold anything, brackets too.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const [state] = fields
  return state === "Z" || state === "X" ? null : (fields[19] ?? null)
}

function tryRead(read: () => string): string | null {
  try {
    return read()
  } catch (error) {
    // No such process, or no such system: both mean "not known".
    if (["ENOENT", "ESRCH", "EACCES", "ENOTDIR"].includes(String(codeOf(error)))) return null
    throw error
  }
}
