/** `stored status`: what there is, what waits, what was given up. */
import type { Command } from "commander"
import type { StoreStatus } from "../../store/store.ts"
import { type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { formatBytes } from "../format.ts"

export function statusCommand(program: Command, line: CommandLine): void {
  program
    .command("status")
    .description("show objects, staging, backends and jobs")
    .action((_options: unknown, command: Command) => run(line, command.optsWithGlobals()))
}

async function run(line: CommandLine, options: GlobalOptions): Promise<void> {
  await withAccess(line, options, async (access) => {
    const status = await access.status()
    print(line, options, status, () => describe(status))
  })
}

function describe(status: StoreStatus): string {
  const { staging, backends, queues } = status
  const limit = staging.maxSize === null ? "" : ` of ${formatBytes(staging.maxSize)}`
  const lines = [
    `state     ${status.state}`,
    `objects   ${status.objects} (${status.blobs} blobs, ${formatBytes(status.bytes)})`,
    `staging   ${formatBytes(staging.size)}${limit} in ${staging.entries} blobs, ${formatBytes(staging.pinned)} of it pinned`,
    `syncs     ${status.syncsCompleted} done, ${status.syncsFailed} given up`,
  ]
  for (const backend of backends) {
    const marks = [backend.driver, ...(backend.isDefault ? ["default"] : []), backend.state]
    if (backend.breaker !== "closed") marks.push(`breaker ${backend.breaker}`)
    lines.push(
      `backend   ${backend.name} (${marks.join(", ")}): ${backend.pending} waiting, ${backend.failed} given up`,
    )
  }
  for (const { queue, due, parked, running } of queues) {
    lines.push(`queue     ${queue}: ${due} due, ${running} running, ${parked} given up`)
  }
  return lines.join("\n")
}
