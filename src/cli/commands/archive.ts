/**
 * `stored archive photos/ -o photos.zip`: a folder, or objects that are named, as one file; its ending says the format. A file appears whole or not at all.
 */
import { pipeline } from "node:stream/promises"
import type { Command } from "commander"
import { StoredError } from "../../core/error.ts"
import type { ArchiveFormat, ArchiveOptions } from "../../store/store.ts"
import { type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { formatBytes, safe } from "../format.ts"
import { requirePlace, toFile } from "../to-file.ts"

interface ArchiveCommandOptions extends GlobalOptions {
  output?: string
  format?: string
  compress?: string
  key?: string[]
  fallback?: boolean
}

const ENDINGS: readonly (readonly [RegExp, ArchiveFormat])[] = [
  [/\.zip$/i, "zip"],
  [/\.tar$/i, "tar"],
  [/\.(?:tar\.gz|tgz)$/i, "tar.gz"],
]

export function archiveCommand(program: Command, line: CommandLine): void {
  program
    .command("archive")
    .description("write many objects as one file: zip, tar or tar.gz")
    .argument("[prefix]", 'all whose keys begin so; "" is everything')
    .option("-k, --key <keys...>", "these objects instead")
    .requiredOption("-o, --output <file>", "where to write; - is standard output")
    .option("--format <format>", "zip, tar or tar.gz; absent: as the file's ending says, else zip")
    .option("--compress <level>", "0 to 9; absent: 0 for zip, 6 for tar.gz")
    .option("-f, --fallback", "where the copy of an object fails, try the others")
    .action((prefix: string | undefined, _options: unknown, command: Command) =>
      run(line, prefix, command.optsWithGlobals()),
    )
}

async function run(line: CommandLine, prefix: string | undefined, options: ArchiveCommandOptions): Promise<void> {
  const { output = "-" } = options
  const wanted = archiveOptions(prefix, options, line.signal)
  if (output === "-" && (line.stdout.isTTY || options.json)) {
    throw new StoredError("INVALID_INPUT", "An archive is no text for a terminal; name a file by -o.")
  }
  if (output !== "-") await requirePlace(output)
  await withAccess(line, options, async (access) => {
    const { stream, size, mimeType } = await access.archive(wanted)
    if (output === "-") return pipeline(stream, line.stdout, { signal: line.signal, end: false })
    const written = await toFile(line, { stream, size }, output, options)
    print(line, options, { output, mimeType, size: written }, () => `${safe(output)}  ${formatBytes(written)}`)
  })
}

/** What is wrong with its values is the store's to say. */
function archiveOptions(
  prefix: string | undefined,
  { output = "-", format, compress, key, fallback }: ArchiveCommandOptions,
  signal: AbortSignal,
): ArchiveOptions {
  const ending = ENDINGS.find(([pattern]) => pattern.test(output))?.[1]
  const chosen = (format as ArchiveFormat | undefined) ?? ending
  return {
    ...(prefix !== undefined && { prefix }),
    ...(key && { keys: key }),
    ...(chosen && { format: chosen }),
    ...(compress !== undefined && { compress: /^\d$/.test(compress) ? Number(compress) : Number.NaN }),
    ...(fallback && { fallback }),
    signal,
  }
}
