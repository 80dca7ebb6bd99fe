/**
 * `stored get <idOrKey>`: to a file by `-o`, else to standard output. A file appears whole or not at all: it is written beside its place
 * and renamed. Bytes that are no text are not poured over a terminal unless asked for with `-o -`.
 */
import { randomBytes } from "node:crypto"
import { createWriteStream } from "node:fs"
import { rename, rm, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import type { Writable } from "node:stream"
import { Transform } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { Command } from "commander"
import { StoredError } from "../../core/error.ts"
import type { OpenedBlob } from "../../store/store.ts"
import { type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { formatBytes, safe } from "../format.ts"
import { readNames } from "../option-values.ts"
import { type Progress, startProgress } from "../progress.ts"

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
  const toFile = options.output !== undefined && options.output !== "-"
  if (options.json && !toFile) {
    throw new StoredError("INVALID_INPUT", "With --json the bytes need a place of their own; name a file by -o.")
  }
  if (toFile) await requirePlace(options.output!)
  await withAccess(line, options, async (access) => {
    const opened = await access.open(name, {
      ...(options.backend !== undefined && { backends: readNames(options.backend) }),
      ...(options.fallback && { fallback: true }),
      signal: line.signal,
    })
    if (!toFile) return toOutput(line, opened, options)
    await toPath(line, opened, options.output!, options)
    const { metadata, servedFrom } = opened
    const text = () => `${safe(options.output!)}  ${metadata.id}  ${formatBytes(metadata.size)}`
    print(line, options, { ...metadata, servedFrom, output: options.output }, text)
  })
}

/** @throws StoredError INVALID_INPUT */
async function requirePlace(path: string): Promise<void> {
  const [place, folder] = await Promise.all([path, dirname(path)].map((one) => stat(one).catch(() => null)))
  if (place?.isDirectory()) throw new StoredError("INVALID_INPUT", `${path} is a folder; name a file in it.`)
  if (!folder?.isDirectory()) {
    throw new StoredError("INVALID_INPUT", `There is no folder ${dirname(path)}; make it, or name another place.`)
  }
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

async function toPath(line: CommandLine, opened: OpenedBlob, path: string, options: GetCommandOptions): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(6).toString("hex")}.part`)
  const progress = startProgress(line, { name: basename(path), size: opened.metadata.size, json: options.json })
  try {
    const file = createWriteStream(temporary, { flags: "wx", flush: true })
    await transfer(opened, file, progress, line.signal)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw fileFault(error, path)
  } finally {
    progress?.end()
  }
}

async function transfer(
  opened: OpenedBlob,
  target: Writable,
  progress: Progress | null,
  signal: AbortSignal,
): Promise<void> {
  let done = 0
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, passOn) {
      done += chunk.length
      progress?.update(done)
      passOn(null, chunk)
    },
  })
  await pipeline(opened.stream, counter, target, { signal })
  const expected = opened.range.end - opened.range.start
  if (done === expected) return
  throw new StoredError("CORRUPT", `${done} bytes came instead of ${expected}; nothing was written.`)
}

function fileFault(error: unknown, path: string): unknown {
  const code = error instanceof Error && "syscall" in error && "code" in error ? String(error.code) : null
  if (code === null) return error
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new StoredError("DISK_FULL", `There is no room for ${path}; free some or name another place.`, {
      cause: error,
    })
  }
  return new StoredError("INVALID_INPUT", `${path} cannot be written (${code}); name another place.`, { cause: error })
}
