/** `stored stat <idOrKey>`: the record, with every copy and how it stands. */
import type { Command } from "commander"
import { NotFoundError } from "../../core/error.ts"
import type { Metadata, MetadataLocation } from "../../core/metadata.ts"
import { type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { formatBytes, formatTime, safe } from "../format.ts"

export function statCommand(program: Command, line: CommandLine): void {
  program
    .command("stat")
    .description("show what is known of an object, by key, id or checksum")
    .argument("<idOrKey>")
    .action((name: string, _options: unknown, command: Command) => run(line, name, command.optsWithGlobals()))
}

async function run(line: CommandLine, name: string, options: GlobalOptions): Promise<void> {
  await withAccess(line, options, async (access) => {
    const metadata = await access.stat(name)
    if (!metadata) throw new NotFoundError(`There is no object "${name}".`)
    print(line, options, metadata, () => describe(metadata))
  })
}

function describe(metadata: Metadata): string {
  const { key, id, size, mimeType, version, created, modified, locations, locationCount, custom } = metadata
  const rows: [string, string][] = [
    ["key", key === null ? "–" : safe(key)],
    ["id", id],
    ["size", `${size} (${formatBytes(size)})`],
    ["type", mimeType],
    ["version", String(version)],
    ["created", formatTime(created)],
    ["modified", formatTime(modified)],
    ["staged", metadata.staged ? "yes" : "no"],
    ...Object.entries(metadata.checksums).map(([name, hex]): [string, string] => [name, hex]),
  ]
  if (Object.keys(custom).length > 0) rows.push(["custom", safe(JSON.stringify(custom))])
  rows.push(...locations.map((location): [string, string] => ["copy", describeCopy(location)]))
  if (locationCount > locations.length) rows.push(["", `… and ${locationCount - locations.length} more copies`])
  return rows.map(([name, value]) => `${name.padEnd(9)} ${value}`).join("\n")
}

function describeCopy(location: MetadataLocation): string {
  const proof = location.verifiedAt === null ? "" : `, proven ${formatTime(location.verifiedAt)}`
  const error = location.error === null ? "" : `: ${safe(location.error.message)} [${location.error.code}]`
  return `${location.backend}  ${safe(location.key)}  ${location.state}${proof}${error}`
}
