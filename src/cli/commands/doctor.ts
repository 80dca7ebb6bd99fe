/** `stored doctor [--repair]`: checks everything that is promised against disk and backends. Ends with 8 where something is wrong. */
import type { Command } from "commander"
import { type CommandLine, type DoctorFinding, type DoctorOutcome, type GlobalOptions, print } from "../command-line.ts"
import { safe } from "../format.ts"

const EXIT_FAULTS = 8

export function doctorCommand(program: Command, line: CommandLine): void {
  program
    .command("doctor")
    .description("check the data directory and every copy; no server may have it open")
    .option("--repair", "mend what has a good copy, then look again")
    .action((_options: unknown, command: Command) => run(line, command.optsWithGlobals()))
}

async function run(line: CommandLine, options: GlobalOptions & { repair?: boolean }): Promise<void> {
  const outcome = await line.doctor(options, {
    repair: options.repair ?? false,
    signal: line.signal,
    onFinding: (finding) => print(line, options, finding, () => describe(finding)),
  })
  const { clean, repaired, checked } = outcome
  print(line, options, { clean, repaired, checked }, () => summary(outcome))
  if (!clean) line.setExitCode(EXIT_FAULTS)
}

function describe({ invariant, severity, subject, message, repair }: DoctorFinding): string {
  return `${severity} ${invariant}  ${safe(subject)}: ${safe(message)}${repair === null ? "" : ` → ${safe(repair)}`}`
}

function summary({ clean, repaired, checked, findings }: DoctorOutcome): string {
  const looked = Object.entries(checked).map(([name, count]) => `${count} ${name}`)
  const faults = findings.filter((finding) => finding.severity !== "note").length
  const verdict = clean ? "clean" : `${faults} ${faults === 1 ? "fault" : "faults"}`
  return `${verdict}${repaired > 0 ? `, ${repaired} mended` : ""}; looked at ${looked.join(", ")}`
}
