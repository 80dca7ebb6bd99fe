/**
 * An example of a driver of one's own: any remote of rclone by its commands (`rcat`, `cat`, `lsjson`, `moveto`, `deletefile`), a process for each call. It is
 * complete; the driver `rclone`, which keeps one process running, is many times as fast.
 *
 *     STORED_DRIVERS=/etc/stored/rclone-commands.js          for server, workers and commands; `registerDriver` in a program
 *     { "driver": "rclone-commands", "remote": "nas:backup/stored", "configFile": "/etc/stored/rclone.conf", "configPassword": "env:RCLONE_PASSWORD" }
 *
 * A replacement is not atomic for other processes: rclone removes the old file before it moves the new one there. Copies are proven by reading them back.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { Readable, type Writable } from "node:stream"
import { text } from "node:stream/consumers"
import { pipeline } from "node:stream/promises"
import * as z from "zod"
import * as stored from "../../src/index.ts" // in a package of your own: from "stored"

const settings = {
  /** `name:path`, the name being one of the config file */
  remote: z.string().regex(/^[\w-]+:/, "give it as name:path"),
  /** absent: rclone's own */
  configFile: z.string().min(1).optional(),
  /** of a config file that is encrypted; a text, `env:NAME` or `file:PATH` */
  configPassword: z.string().min(1).optional(),
}
type Settings = z.output<z.ZodObject<typeof settings>>

export default stored.defineDriver({
  name: "rclone-commands",
  settings,
  secrets: ["configPassword"],
  paths: ["configFile"],
  create: (given, services) => new RcloneCommands(given, services),
})

/** What is being written lies in this folder of the remote, and is moved from there: readers never see a part of it. */
const OWN = ".stored-tmp"
const PIECE = 256 * 1024
/** ms that a command may take: without content, and with it */
const [LIMIT, LONGEST] = [120_000, 24 * 3_600_000]
// What has the size and time of the file that it replaces may be other bytes all the same; the outbox is the one that tries again; silence ends a connection.
const FLAGS = ["--ignore-times", "--retries=1", "--low-level-retries=1", "--contimeout=10s", "--timeout=60s"]
const itemSchema = z.object({ Name: z.string(), Size: z.number(), ModTime: z.string(), IsDir: z.boolean() })
type Item = z.output<typeof itemSchema>
const statOf = ({ Size, ModTime }: Item): stored.BackendStat => ({ size: Size, modified: Date.parse(ModTime) })
const KEYS = { maxKeyBytes: 1024, hierarchicalKeysConflict: true }

interface Running {
  process: ChildProcessByStdio<Writable, Readable, Readable>
  /** Resolves once it has ended well. @throws StoredError why it did not */
  ended: Promise<void>
}
type Signal = AbortSignal | undefined

class RcloneCommands extends stored.StorageBackend {
  readonly driver = "rclone-commands"
  readonly capabilities = { local: false, watch: false, range: true, checksums: [], ...KEYS }
  readonly #settings: Settings
  readonly #services: stored.BackendServices
  /** A read that begins while this process replaces the file would find none. */
  readonly #turns = new stored.Turns()
  readonly #moves = new stored.Turns() // two that make one directory disturb each other
  #opened: { readOnly: boolean; password: string } | null = null

  constructor(given: Settings, services: stored.BackendServices) {
    super()
    this.#settings = given
    this.#services = services
  }

  override async open({ signal, readOnly = false }: stored.BackendOpenOptions = {}): Promise<void> {
    const { configPassword: secret } = this.#settings
    const before = this.#opened
    this.#opened = { readOnly, password: secret ? await stored.resolveSecret(secret, "configPassword") : "" }
    try {
      if (!readOnly) await this.#run(["mkdir", this.#at("")], signal)
      await this.#run(["lsjson", this.#at("")], signal)
      if (!readOnly) await stored.unlessAbsent(this.#run(["delete", "--min-age=24h", this.#at(OWN)], signal), "")
    } catch (error) {
      this.#opened = before
      throw error
    }
  }

  override async close(): Promise<void> {
    this.#opened = null
  }

  override async put(key: string, source: stored.BlobSource, { signal }: stored.BackendPutOptions = {}) {
    const target = this.#place(key, signal, true)
    const temporary = `${OWN}/${randomUUID()}`
    try {
      await this.#run(["rcat", this.#at(temporary)], signal, stored.sourcePieces(source, PIECE, signal))
      await this.#turns.take(key, () => this.#moves.take("", () => this.#move(temporary, target, signal)))
    } catch (error) {
      await this.#run(["deletefile", this.#at(temporary)]).catch(() => null)
      throw error
    }
    return { key }
  }

  override async get(key: string, { signal, range }: stored.CallOptions & { range?: stored.ByteRange } = {}) {
    const place = this.#place(key, signal)
    return this.#turns.take(key, async () => {
      const found = await this.#look(place, signal)
      if (!found || found.IsDir) throw new stored.NotFoundError(`There is no "${key}" on this backend.`)
      const { start, end } = stored.resolveRange(range, found.Size)
      if (start === end) return Readable.from([], { objectMode: false })
      const running = this.#start(["cat", `--offset=${start}`, `--count=${end - start}`, this.#at(place)], signal)
      // Once there are bytes the file is open, and may be replaced.
      await Promise.race([once(running.process.stdout, "readable"), running.ended])
      const stream = Readable.from(exactly(running, end - start, signal), { objectMode: false })
      // A generator that nobody has begun to read runs no `finally`.
      return stream.once("close", () => running.process.kill("SIGKILL"))
    })
  }

  override async stat(key: string, { signal }: stored.CallOptions = {}): Promise<stored.BackendStat | null> {
    const found = await this.#look(this.#place(key, signal), signal)
    return found && !found.IsDir ? statOf(found) : null
  }

  override async delete(key: string, { signal }: stored.CallOptions = {}): Promise<void> {
    const place = this.#place(key, signal, true)
    await this.#turns.take(key, () => stored.unlessAbsent(this.#run(["deletefile", this.#at(place)], signal), ""))
  }

  override async *list(options: stored.BackendListOptions = {}): AsyncGenerator<stored.BackendEntry> {
    const { signal } = options
    this.#usable(signal)
    const directory = async (path: string): Promise<stored.DirectoryItem[]> => {
      const said = await stored.unlessAbsent(this.#run(["lsjson", "--no-mimetype", this.#at(path)], signal), "[]")
      const items = z.array(itemSchema).parse(JSON.parse(said))
      // Asked for a file, rclone lists the file itself.
      const isFile = items.length === 1 && path.split("/").at(-1) === items[0]?.Name
      if (isFile && !(await this.#look(path, signal))?.IsDir) return []
      return items.map((item) => ({ name: item.Name, stat: item.IsDir ? "directory" : statOf(item) }))
    }
    const onSkip = stored.tellSkips(this.#services, options)
    for await (const entry of stored.walkDirectories({ ...options, directory, own: OWN, onSkip })) {
      stored.throwIfAborted(signal)
      yield entry
      stored.throwIfAborted(signal)
    }
  }

  async #move(from: string, to: string, signal: Signal): Promise<void> {
    const isDirectory = async (path: string): Promise<boolean | undefined> => (await this.#look(path, signal))?.IsDir
    // Deletes leave empty directories, which give way.
    for (let tries = 1; await isDirectory(to); tries += 1) {
      if (tries > 1) throw refused(to)
      await this.#run(["rmdirs", this.#at(to)], signal)
    }
    try {
      await this.#run(["moveto", this.#at(from), this.#at(to)], signal)
    } catch (error) {
      for (let end = to.indexOf("/"); end >= 0; end = to.indexOf("/", end + 1))
        if ((await isDirectory(to.slice(0, end))) === false) throw refused(to)
      throw error
    }
  }

  /** Null where there is neither a file nor a directory. */
  async #look(path: string, signal: Signal): Promise<Item | null> {
    const said = this.#run(["lsjson", "--stat", "--no-mimetype", this.#at(path)], signal)
    return itemSchema.nullable().parse(JSON.parse(await stored.unlessAbsent(said, "null")))
  }

  /** Runs a command to its end, in time, and gives what it says. */
  async #run(command: string[], signal?: Signal, input?: AsyncIterable<Uint8Array>): Promise<string> {
    const limit = AbortSignal.timeout(input ? LONGEST : LIMIT)
    const { process, ended } = this.#start(command, AbortSignal.any(signal ? [signal, limit] : [limit]))
    const [fed, said] = await Promise.allSettled([pipeline(input ?? [], process.stdin), text(process.stdout), ended])
    stored.throwIfAborted(signal)
    if (limit.aborted) throw new stored.TransientAdapterError("rclone did not end in time.", { code: "TIMEOUT" })
    // rclone may end before it has read everything: then its own words say why.
    if (fed.status === "rejected" && stored.isStoredError(fed.reason)) throw fed.reason
    await ended
    return said.status === "fulfilled" ? said.value : ""
  }

  #start(command: string[], signal: Signal): Running {
    const { password } = this.#usable(signal)
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("STORED_"))
    const env: NodeJS.ProcessEnv = { ...Object.fromEntries(inherited), RCLONE_ASK_PASSWORD: "false" }
    if (this.#settings.configFile) env.RCLONE_CONFIG = this.#settings.configFile
    if (password) env.RCLONE_CONFIG_PASS = password
    const child = spawn("rclone", [...command, ...FLAGS], { env, ...(signal && { signal }), killSignal: "SIGKILL" })
    const words = text(child.stderr)
    const run = async (): Promise<void> => {
      const [code] = await once(child, "close").catch((error: Error) => [error.message])
      stored.throwIfAborted(signal)
      if (code !== 0) throw failure(code, (await words).replaceAll(password || "\0", "***"))
    }
    const ended = run()
    // Met by whoever waits for it; a reader that has gone does not.
    ended.catch(() => {})
    return { process: child, ended }
  }

  #at(path: string): string {
    const { remote } = this.#settings
    return `${remote}${remote.endsWith(":") || remote.endsWith("/") || path === "" ? "" : "/"}${path}`
  }

  /** Keys arrive checked; this is the last place to see that they stay below the remote. */
  #place(key: string, signal: Signal, isWrite = false): string {
    if (this.#usable(signal).readOnly && isWrite)
      throw new stored.StoredError("READ_ONLY", `"${this.#settings.remote}" was opened to be read only.`)
    if (key === OWN || key.startsWith(`${OWN}/`)) throw refused(key)
    return stored.parseKey(key)
  }

  #usable(signal: Signal): { readOnly: boolean; password: string } {
    stored.throwIfAborted(signal)
    if (this.#opened) return this.#opened
    throw new stored.StoredError("CLOSED", `The backend on "${this.#settings.remote}" is not open; open it first.`)
  }
}

/** Bytes that end early break the stream. */
async function* exactly({ process, ended }: Running, length: number, signal: Signal) {
  let seen = 0
  for await (const chunk of process.stdout) {
    stored.throwIfAborted(signal)
    seen += (chunk as Buffer).length
    yield chunk as Buffer
  }
  await ended
  if (seen !== length) throw new stored.TransientAdapterError(`The copy gave ${seen} of ${length} bytes.`)
}

/** What a later try may mend is said here, where rclone's words and exit codes are understood: 3 and 4 are "not found". */
function failure(code: number | string | null, said: string): stored.StoredError {
  const words = `${said.trim().slice(-500)} (${code})`
  if (code === 3 || code === 4 || /is a directory|is a file not a directory|not a regular file/.test(words))
    return new stored.NotFoundError(`There is no such file: ${words}`)
  if (/ENOENT|didn't find section|unable to decrypt|couldn't decrypt/.test(words))
    return new stored.PermanentAdapterError("INVALID_CONFIG", `rclone cannot be used: ${words}`)
  if (/permission denied|unauthor|unable to authenticate|forbidden/i.test(words))
    return new stored.PermanentAdapterError("PERMISSION_DENIED", `rclone was refused: ${words}`)
  return new stored.TransientAdapterError(`rclone failed: ${words}`)
}

function refused(key: string): stored.StoredError {
  return new stored.PermanentAdapterError("BACKEND_REFUSED", `"${key}" cannot be used beside what is there.`)
}
