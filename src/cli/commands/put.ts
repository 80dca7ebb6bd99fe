/**
 * `stored put <file…|->` and `stored put -r <folder>`. A file's key is its name, unless `--key` says otherwise; of a folder it is the path
 * within it; what comes by `-` without a key gets one made from its checksum. Several travel at a time; one that fails does
 * not stop the others, and the exit code is that of the first that failed.
 */
import { stat } from "node:fs/promises"
import { basename } from "node:path"
import type { Command } from "commander"
import { StoredError } from "../../core/error.ts"
import type { PutResult } from "../../core/metadata.ts"
import type { PutInput, PutOptions } from "../../store/store.ts"
import { type Access, type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { exitCode } from "../exit-code.ts"
import { faultLines } from "../fault.ts"
import { formatBytes, safe } from "../format.ts"
import { inParallel } from "../in-parallel.ts"
import { readCount, readDurability, readMetadata, readNames, readWait } from "../option-values.ts"
import { startProgress } from "../progress.ts"
import { tellSkip } from "../tell-skip.ts"
import { walk } from "../walk.ts"

interface PutCommandOptions extends GlobalOptions {
  key?: string
  prefix: string
  recursive?: boolean
  backends?: string
  metadata?: string
  type?: string
  durability?: string
  wait?: boolean
  waitMs?: string
  jobs: string
}

interface Item {
  input: PutInput
  /** for people */
  label: string
  key: string | undefined
  size: number | undefined
}

export function putCommand(program: Command, line: CommandLine): void {
  program
    .command("put")
    .description("store files, a folder (-r), or what comes on standard input (-)")
    .argument("<files...>", "paths, or - for standard input")
    .option("-k, --key <key>", "the object's key; one file only")
    .option("-r, --recursive", "store every regular file below the folders, keys are the paths within them")
    .option("-p, --prefix <prefix>", "put before every key", "")
    .option("-b, --backends <names>", "where copies should be, with commas between names")
    .option("-m, --metadata <json>", "custom metadata, a JSON object")
    .option("-t, --type <type>", "content type; else told from name and content")
    .option("-d, --durability <level>", "staged, os, copies:<n> or all")
    .option("-w, --wait", "wait until every copy is proven: the same as --durability all")
    .option("--wait-ms <ms>", "how long to wait for copies before going on without their proof")
    .option("-j, --jobs <n>", "how many travel at a time", "8")
    .action((files: string[], _options: unknown, command: Command) => run(line, files, command.optsWithGlobals()))
}

async function run(line: CommandLine, files: string[], options: PutCommandOptions): Promise<void> {
  if (options.key !== undefined && (files.length > 1 || options.recursive)) {
    throw new StoredError("INVALID_INPUT", "--key names one object; give one file with it, or use --prefix.")
  }
  const putOptions = toPutOptions(line, options)
  const jobs = readCount(options.jobs)
  if (!options.recursive) await requireFiles(files, options)
  await withAccess(line, options, async (access) => {
    await inParallel(items(line, files, options), jobs, (item) => putOne(line, access, item, putOptions, options))
    await settle(line, access)
  })
}

function toPutOptions(line: CommandLine, options: PutCommandOptions): PutOptions {
  const durability = options.durability ?? (options.wait ? "all" : undefined)
  return {
    ...(options.backends !== undefined && { backends: readNames(options.backends) }),
    ...(options.metadata !== undefined && { metadata: readMetadata(options.metadata) }),
    ...(options.type !== undefined && { mimeType: options.type }),
    ...(durability !== undefined && { durability: readDurability(durability) }),
    ...(options.waitMs !== undefined && { waitMs: readWait(options.waitMs) }),
    signal: line.signal,
  }
}

/** What is wrong with the names themselves is told before anything is opened. */
async function requireFiles(files: string[], options: PutCommandOptions): Promise<void> {
  const keys = new Set<string>()
  for (const file of files) {
    if (file === "-") continue
    const found = await stat(file).catch(() => null)
    if (found?.isDirectory()) {
      throw new StoredError("INVALID_INPUT", `${file} is a folder; use -r to store what is in it.`)
    }
    const key = options.key ?? basename(file)
    if (keys.has(key)) {
      throw new StoredError("INVALID_INPUT", `Two files would get the key "${key}"; put them one by one with --key.`)
    }
    keys.add(key)
  }
}

async function* items(line: CommandLine, files: string[], options: PutCommandOptions): AsyncGenerator<Item> {
  const skip = (path: string, reason: string): void => tellSkip(line, options, path, reason)
  for (const file of files) {
    if (file === "-") {
      const key = options.key === undefined ? undefined : options.prefix + options.key
      yield { input: line.stdin, label: "standard input", key, size: undefined }
    } else if (options.recursive) {
      for await (const { path, name } of walk(file, skip)) {
        yield { input: path, label: path, key: options.prefix + name, size: await sizeOf(path) }
      }
    } else {
      const key = options.prefix + (options.key ?? basename(file))
      yield { input: file, label: file, key, size: await sizeOf(file) }
    }
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  // A file that cannot be looked at is refused by the put itself, with its reason.
  return stat(path).then(
    (found) => found.size,
    () => undefined,
  )
}

async function putOne(
  line: CommandLine,
  access: Access,
  item: Item,
  putOptions: PutOptions,
  options: PutCommandOptions,
): Promise<void> {
  const progress = startProgress(line, { name: item.label, size: item.size, json: options.json })
  try {
    const result = await access.put(item.input, {
      ...putOptions,
      ...(item.key !== undefined && { key: item.key }),
      ...(progress && { onProgress: (bytes: number) => progress.update(bytes) }),
    })
    progress?.end()
    print(line, options, result, () => textOf(result))
    if (!result.satisfied) throw unproven(result)
  } catch (error) {
    progress?.end()
    if (line.signal.aborted) throw error
    line.stderr.write(faultLines(error, options))
    line.setExitCode(exitCode(error))
  }
}

/** Whoever asked for copies must not take the end of the wait for their proof. */
function unproven({ key, locations }: PutResult): StoredError {
  const missing = locations.filter((location) => !location.synced).map((location) => location.backend)
  return new StoredError(
    "TIMEOUT",
    `"${key}" is stored and safe, but the copies that were asked for are not proven yet; still to come: ${missing.join(", ")}.`,
    { details: { key, missing } },
  )
}

function textOf(result: PutResult): string {
  return `${safe(result.key)}  ${result.id}  ${formatBytes(result.size)}${result.isNew ? "" : "  (replaced)"}`
}

/** Without a server nobody else would carry the copies: what can be done now is done before the process ends. */
async function settle(line: CommandLine, access: Access): Promise<void> {
  await access.idle?.({ signal: line.signal })
}
