/**
 * `stored get <idOrKey>`: to a file by `-o`, else to standard output. A file appears whole or not at all: it is written beside its place
 * and renamed. Bytes that are no text are not poured over a terminal unless asked for with `-o -`.
 */
import { pipeline } from "node:stream/promises"
import type { Command } from "commander"
import { StoredError } from "../../core/error.ts"
import type { OpenedBlob } from "../../store/store.ts"
import { type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { formatBytes, safe } from "../format.ts"
import { readNames } from "../option-values.ts"
import { requirePlace, toFile } from "../to-file.ts"

interface GetCommandOptions extends GlobalOptions {
  output?: string
  backend?: string
  fallback?: boolean
}

const TEXT = /^text\/|^application\/(json|xml|javascript)|\+(json|xml)$/

export function getCommand(program: Command, line: CommandLine): void {
  program
    .command("get")
    .description("read an object by key, or content by id or checksum")
    .argument("<idOrKey>")
    .option("-o, --output <file>", "where to write; - is standard output")
    .option("-b, --backend <names>", "where staging lacks the bytes: only these copies")
    .option("-f, --fallback", "where such a copy fails, try the others")
    .action((name: string, _options: unknown, command: Command) => run(line, name, command.optsWithGlobals()))
}

async function run(line: CommandLine, name: string, options: GetCommandOptions): Promise<void> {
  const hasPlace = options.output !== undefined && options.output !== "-"
  if (options.json && !hasPlace) {
    throw new StoredError("INVALID_INPUT", "With --json the bytes need a place of their own; name a file by -o.")
  }
  if (hasPlace) await requirePlace(options.output!)
  await withAccess(line, options, async (access) => {
    const opened = await access.open(name, {
      ...(options.backend !== undefined && { backends: readNames(options.backend) }),
      ...(options.fallback && { fallback: true }),
      signal: line.signal,
    })
    if (!hasPlace) return toOutput(line, opened, options)
    const { metadata, range, servedFrom, stream } = opened
    await toFile(line, { stream, size: range.end - range.start }, options.output!, options)
    const text = () => `${safe(options.output!)}  ${metadata.id}  ${formatBytes(metadata.size)}`
    print(line, options, { ...metadata, servedFrom, output: options.output }, text)
  })
}

async function toOutput(line: CommandLine, opened: OpenedBlob, options: GetCommandOptions): Promise<void> {
  if (line.stdout.isTTY && options.output !== "-" && !TEXT.test(opened.metadata.mimeType)) {
    opened.stream.destroy()
    throw new StoredError(
      "INVALID_INPUT",
      `This is ${opened.metadata.mimeType}, no text for a terminal; write it to a file by -o, or insist by -o -.`,
    )
  }
  await pipeline(opened.stream, line.stdout, { signal: line.signal, end: false })
}
