/** The programs that index, list and reconcile many made-up objects, one after the other: `scan-many-child.ts` with its steps. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

const CHILD = fileURLToPath(new URL("scan-many-child.ts", import.meta.url))

export interface ManyStep {
  /** what the step has told */
  told: Record<string, unknown>
  /** bytes of its own that the process used at most */
  most: number
  seconds: number
}

/** Runs one step in a process of its own. */
export async function manyStep(data: string, count: number, step: "index" | "list" | "reconcile"): Promise<ManyStep> {
  const begun = performance.now()
  const child = fork(CHILD, [data, String(count), step], { stdio: ["ignore", "inherit", "inherit", "ipc"] })
  const told: Record<string, unknown> = {}
  child.on("message", (message: object) => void Object.assign(told, message))
  const [code] = (await once(child, "exit")) as [number | null]
  if (code !== 0) throw new Error(`${step} of ${count} objects ended with ${code}`)
  const { most, ...rest } = told
  return { told: rest, most: Number(most), seconds: Math.round((performance.now() - begun) / 1000) }
}
