/**
 * The client of the doors, as a process of its own, so that it shares no thread with what is measured: one task as JSON in its words, one answer
 * on standard output. It speaks HTTP/1.1 on plain sockets, because a parser of Node's would cost as much here as at the server.
 */
import { createHash, randomFillSync } from "node:crypto"
import { connect, type Socket } from "node:net"
import { MIB } from "./content.ts"
import { inFlight } from "./measure.ts"

export interface ClientTask {
  /** `http://127.0.0.1:port` */
  origin: string
  /** of each request; a `*` in it is the number of the request */
  path: string
  /** requests */
  count: number
  /** `tus`: an upload that begins with its creation, in one request */
  how: "put" | "tus" | "get"
  /** bytes of each body */
  size: number
  /** connections, each with one request at a time */
  width: number
}

export interface ClientAnswer {
  /** from the first request to the last answer */
  seconds: number
  /** share of that time in which this process had a processor: near 1, and the client was the limit */
  busy: number
}

const PIECE = MIB
const RECEIVE = 256 * 1024
/** what comes after the first piece is the same in each body; the first makes them different */
const REST = randomFillSync(Buffer.allocUnsafeSlow(PIECE))

class Connection {
  readonly #socket: Socket
  /** what is left of the answer: its head while that is not whole, the bytes of its body, or chunks to the end */
  #head = ""
  #left = -1
  #tail = ""
  #status = 0
  #length = 0
  #settle: { resolve(length: number): void; reject(error: Error): void } | null = null

  constructor(origin: string) {
    const { hostname, port } = new URL(origin)
    this.#socket = connect({
      host: hostname,
      port: Number(port),
      noDelay: true,
      // One buffer for all that comes: nothing is kept of it.
      onread: {
        buffer: Buffer.allocUnsafeSlow(RECEIVE),
        callback: (count, buffer) => {
          this.#take((buffer as Buffer).subarray(0, count))
          return true
        },
      },
    })
    this.#socket.on("error", (error) => this.#settle?.reject(error))
    this.#socket.on("close", () => this.#settle?.reject(new Error(`${origin} has cut the connection.`)))
  }

  /** @returns bytes of the answer's body @throws Error where the answer is no success */
  async ask(head: string, body: Iterable<Buffer>): Promise<number> {
    const answered = new Promise<number>((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    answered.catch(() => {}) // Awaited below, after the body; it may fail before.
    this.#socket.cork()
    this.#socket.write(head)
    let first = true
    for (const piece of body) {
      const flows = this.#socket.write(piece)
      if (first) this.#socket.uncork()
      first = false
      if (!flows && this.#settle) await Promise.race([this.#drained(), answered])
    }
    if (first) this.#socket.uncork()
    return answered
  }

  close(): void {
    this.#settle = null
    this.#socket.destroy()
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => this.#socket.once("drain", resolve))
  }

  #take(bytes: Buffer): void {
    if (this.#left >= 0) this.#count(bytes)
    else if (this.#tail !== "") this.#chunks(bytes)
    else this.#begin(bytes)
  }

  #begin(bytes: Buffer): void {
    this.#head += bytes.toString("latin1")
    const end = this.#head.indexOf("\r\n\r\n")
    if (end < 0) return
    const [head, extra] = [this.#head.slice(0, end), this.#head.length - end - 4]
    this.#head = ""
    this.#status = Number(head.slice(9, 12))
    this.#length = 0
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    const rest = bytes.subarray(bytes.length - extra)
    if (length === undefined && this.#status !== 204) {
      this.#chunks(rest)
    } else {
      this.#left = Number(length ?? 0)
      this.#count(rest)
    }
  }

  #count(bytes: Buffer): void {
    this.#length += bytes.length
    this.#left -= bytes.length
    if (this.#left === 0) this.#end()
  }

  #chunks(bytes: Buffer): void {
    this.#length += bytes.length
    this.#tail = (this.#tail + bytes.toString("latin1")).slice(-7) || " "
    if (!/(^|\n)0\r\n\r\n$/.test(this.#tail)) return
    this.#tail = ""
    this.#end()
  }

  #end(): void {
    const settle = this.#settle
    this.#left = -1
    this.#settle = null
    if (this.#status < 300) settle?.resolve(this.#length)
    else settle?.reject(new Error(`The answer was ${this.#status}.`))
  }
}

function head({ origin, how, size }: ClientTask, path: string): string {
  const host = `Host: ${new URL(origin).host}\r\n`
  if (how === "get") return `GET ${path} HTTP/1.1\r\n${host}\r\n`
  if (how === "put") return `PUT ${path} HTTP/1.1\r\n${host}Content-Length: ${size}\r\n\r\n`
  const name = Buffer.from(path.slice(path.lastIndexOf("/") + 1)).toString("base64")
  return (
    `POST /files HTTP/1.1\r\n${host}Content-Length: ${size}\r\nContent-Type: application/offset+octet-stream\r\n` +
    `Tus-Resumable: 1.0.0\r\nUpload-Length: ${size}\r\nUpload-Metadata: filename ${name}\r\n\r\n`
  )
}

function* pieces(first: Buffer, size: number): Generator<Buffer> {
  yield first
  for (let sent = first.length; sent < size; sent += PIECE) yield REST.subarray(0, Math.min(PIECE, size - sent))
}

async function work(task: ClientTask): Promise<ClientAnswer> {
  const { origin, count, how, size, width } = task
  const path = (index: number): string => task.path.replace("*", String(index))
  const bodies = Array.from({ length: how === "get" ? 0 : count }, () =>
    randomFillSync(Buffer.allocUnsafeSlow(Math.min(size, PIECE))),
  )
  const connections = Array.from({ length: width }, () => new Connection(origin))
  const before = process.cpuUsage()
  const start = performance.now()
  const free = [...connections]
  await inFlight(width, count, async (index) => {
    const connection = free.pop()!
    const length = await connection.ask(head(task, path(index)), how === "get" ? [] : pieces(bodies[index]!, size))
    if (how === "get" && length !== size) throw new Error(`${path(index)}: ${length} bytes came instead of ${size}.`)
    free.push(connection)
  })
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(before)
  for (const connection of connections) connection.close()
  for (const index of new Set([0, bodies.length >> 1, bodies.length - 1])) {
    if (bodies[index]) await requireSame(`${origin}${path(index)}`, pieces(bodies[index], size))
  }
  return { seconds, busy: (user + system) / 1e6 / seconds }
}

/** What was put is read back, outside the time. */
async function requireSame(url: string, wanted: Iterable<Buffer>): Promise<void> {
  const [there, sent] = [createHash("sha256"), createHash("sha256")]
  for (const piece of wanted) sent.update(piece)
  const answer = await fetch(url)
  for await (const chunk of answer.body ?? []) there.update(chunk)
  if (there.digest("hex") !== sent.digest("hex"))
    throw new Error(`${url} has other bytes than were put (${answer.status}).`)
}

process.stdout.write(JSON.stringify(await work(JSON.parse(process.argv[2]!) as ClientTask)))
