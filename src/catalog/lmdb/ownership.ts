/**
 * One server a data directory (law 2). Who opens it writes its name into the catalog, in a transaction that first looks whether somebody is
 * there; every later write transaction looks whether it still is its own name. An owner on this host is asked for by process number, start
 * and boot; one elsewhere counts as alive while its heartbeat is younger than 60 s. A dead owner's place is taken over.
 */
import { randomUUID } from "node:crypto"
import * as z from "zod"
import type { Clock } from "../../core/clock.ts"
import { StoredError, toStoredError } from "../../core/error.ts"
import type { SubDatabase } from "./environment.ts"
import { isRunning, ownIdentity, type ProcessIdentity, processIdentitySchema } from "./process-identity.ts"

const HOLDER = "holder"
const HEARTBEAT = "heartbeat"
const HEARTBEAT_EVERY = 15_000
const HEARTBEAT_LASTS = 60_000

const holderSchema = z.object({
  token: z.string(),
  /** where others reach the owner */
  address: z.string().nullable(),
  process: processIdentitySchema,
})

type Holder = z.output<typeof holderSchema>

export interface OwnershipOptions {
  table: SubDatabase
  /** a durable write transaction */
  transact(action: () => void): Promise<void>
  directory: string
  clock: Clock
  address: string | null
}

export class Ownership {
  readonly #options: OwnershipOptions
  readonly #self: ProcessIdentity = ownIdentity()
  readonly #bytes: Buffer
  #timer: NodeJS.Timeout | null = null
  #fault: StoredError | null = null

  constructor(options: OwnershipOptions) {
    this.#options = options
    const holder: Holder = { token: randomUUID(), address: options.address, process: this.#self }
    this.#bytes = Buffer.from(JSON.stringify(holder))
  }

  /** @throws StoredError DATA_DIRECTORY_IN_USE with `details.pid`, `details.hostname`, `details.address` */
  async acquire(): Promise<void> {
    const { table, transact } = this.#options
    await transact(() => {
      const holder = this.#read()
      if (holder && this.#isAlive(holder)) throw this.#inUse(holder)
      table.put(HOLDER, this.#bytes)
      this.#beat()
    })
    this.#timer = setInterval(() => void this.#heartbeat(), HEARTBEAT_EVERY)
    this.#timer.unref()
  }

  /** Inside a write transaction: nobody took the directory over. @throws StoredError DATA_DIRECTORY_IN_USE, or the fault of a heartbeat */
  require(): void {
    if (this.#fault !== null) throw this.#fault
    if (!this.#isOwn()) throw this.#inUse(this.#read())
  }

  async release(): Promise<void> {
    this.abandon()
    const { table, transact } = this.#options
    await transact(() => {
      if (!this.#isOwn()) return
      table.remove(HOLDER)
      table.remove(HEARTBEAT)
    })
  }

  /** Stops the heartbeat and leaves the name where it is; for when the catalog can no longer be written. */
  abandon(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
  }

  async #heartbeat(): Promise<void> {
    try {
      await this.#options.transact(() => {
        if (this.#isOwn()) this.#beat()
      })
    } catch (error) {
      const fault = toStoredError(error)
      // A full disk may have room again at the next beat, and on this host the process itself is the sign of life. Anything else ends the commits.
      if (fault.code !== "DISK_FULL") this.#fault = fault
    }
  }

  #beat(): void {
    const { table, clock } = this.#options
    table.put(HEARTBEAT, Buffer.from(String(clock.now())))
  }

  #isOwn(): boolean {
    return this.#options.table.getBinary(HOLDER)?.equals(this.#bytes) ?? false
  }

  #isAlive(holder: Holder): boolean {
    const running = isRunning(holder.process, this.#self)
    if (running !== null) return running
    const heartbeat = Number(this.#options.table.getBinary(HEARTBEAT)?.toString() ?? 0)
    return this.#options.clock.now() - heartbeat < HEARTBEAT_LASTS
  }

  #read(): Holder | null {
    const bytes = this.#options.table.getBinary(HOLDER)
    // A name that cannot be read belongs to nobody who could answer for it.
    const parsed = bytes ? holderSchema.safeParse(parse(bytes)) : null
    return parsed?.success ? parsed.data : null
  }

  #inUse(holder: Holder | null): StoredError {
    const { directory } = this.#options
    const { pid, hostname } = holder?.process ?? {}
    const who = holder
      ? `process ${pid} on ${hostname}${holder.address ? `, which listens at ${holder.address}` : ""}`
      : "another server"
    return new StoredError(
      "DATA_DIRECTORY_IN_USE",
      `The data directory ${directory} is in use by ${who}; talk to that server, stop it, or choose another directory.`,
      { details: { directory, pid: pid ?? null, hostname: hostname ?? null, address: holder?.address ?? null } },
    )
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
