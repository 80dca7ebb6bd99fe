/**
 * A spy on the system calls of the fs driver. The calls are real; the spy notes them, and can make one fail or do something just before it.
 * A test file asks for it with `vi.mock("../../src/backends/fs/calls.ts", async (original) => (await import("./backend-fs-spy.ts")).spied(await original()))`.
 */
import { readlinkSync } from "node:fs"
import { basename } from "node:path"
import { beforeEach } from "vitest"

export const spy = {
  /** `<call> <name of file or directory>`, in order; temporary files are `TEMP` */
  noted: [] as string[],
  /** called before each call with its name and path; what it throws, the call throws */
  before: null as ((name: string, target: string) => void) | null,
}

type Call = (...args: unknown[]) => unknown
const WATCHED = "open close fsync fstat lstat fchmod futimes rename unlink mkdir rmdir read write".split(" ")

beforeEach(() => {
  spy.noted = []
  spy.before = null
})

export function spied(original: unknown): Record<string, Call> {
  const calls = original as Record<string, Call>
  const wrapped: Record<string, Call> = { ...calls }
  wrapped.closeIdle = (fd) => {
    spy.noted.push(`close ${label(linkOf(Number(fd)))}`)
    return calls.closeIdle?.(fd)
  }
  for (const name of WATCHED) {
    wrapped[name] = async (...args) => {
      const target = typeof args[0] === "number" ? linkOf(args[0]) : String(args[0])
      spy.noted.push(`${name} ${label(target)}`)
      spy.before?.(name, target)
      return calls[name]?.(...args)
    }
  }
  // The calls that are made directly on a disk of this host are watched as the others are.
  const { open, lstat, read, futimes } = wrapped
  wrapped.quickCallsFor = async () => ({ open, lstat, read, futimes })
  return wrapped
}

/** Makes the first call that fits fail, once. */
export function failOnce(name: string, where: RegExp, code: string): void {
  spy.before = (called, target) => {
    if (called !== name || !where.test(target)) return
    spy.before = null
    throw systemError(code)
  }
}

export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: made up`), { code })
}

function linkOf(fd: number): string {
  return readlinkSync(`/proc/self/fd/${fd}`)
}

function label(target: string): string {
  const name = basename(target.replace(/^\/proc\/self\/fd\/(\d+)$/, (_, fd: string) => linkOf(Number(fd))))
  return /^[0-9a-f]{12}\.\d+\./.test(name) ? "TEMP" : name
}
