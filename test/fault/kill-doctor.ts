/** What the doctor says after a kill, as failures of the loop. */
import { runDoctor } from "../../src/compose.ts"
import type { StoreConfigInput } from "../../src/core/config.ts"
import type { World } from "./kill-client.ts"

export async function consultDoctor(config: StoreConfigInput, world: World, kill: number): Promise<void> {
  try {
    const report = await runDoctor(config)
    if (report.clean) return
    const findings = report.findings.filter((finding) => finding.severity !== "note")
    for (const finding of findings.slice(0, 5))
      world.failures.push(`doctor after kill ${kill + 1}: ${finding.invariant} ${finding.subject}: ${finding.message}`)
  } catch (error) {
    world.failures.push(`doctor after kill ${kill + 1} failed: ${error instanceof Error ? error.stack : String(error)}`)
  }
}
