/**
 * `stored doctor [--repair]`: checks everything that is promised against disk and backends. Ends with 8 where something is wrong. With `--audit` it checks nothing but what a server has written of
 * decisions about access (`STORED_AUDIT`), and needs no data directory.
 */
import type { Command } from "commander"
import { StoredError } from "../../core/error.ts"
import { checkAudit } from "../check-audit.ts"
import { type CommandLine, type DoctorFinding, type DoctorOutcome, type GlobalOptions, print } from "../command-line.ts"
import { safe } from "../format.ts"

const EXIT_FAULTS = 8

export function doctorCommand(program: Command, line: CommandLine): void {
  program
    .command("doctor")
    .description("check the data directory and every copy; no server may have it open")
    .option("--repair", "mend what has a good copy, then look again")
    .option(
      "--audit <file...>",
      "check only these files of STORED_AUDIT, the oldest first: was a record changed, removed, moved?",
    )
    .action((_options: unknown, command: Command) => run(line, command.optsWithGlobals()))
}

type DoctorOptions = GlobalOptions & { repair?: boolean; audit?: string[] }

async function run(line: CommandLine, options: DoctorOptions): Promise<void> {
  const { repair = false, audit } = options
  if (repair && audit) throw new StoredError("INVALID_INPUT", "An audit cannot be mended; leave --repair out.")
  const onFinding = (finding: DoctorFinding): void => print(line, options, finding, () => describe(finding))
  const { signal } = line
  const outcome = audit
    ? await checkAudit(audit, { signal, onFinding })
    : await line.doctor(options, { repair, signal, onFinding })
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
