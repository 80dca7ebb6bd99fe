/**
 * Hosts of workers for the fault loop: this one, and others that are network namespaces of their own without the server's disk. What they reach of the
 * server and of Redis they reach through a forwarder on their only link.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { connect, createServer, type Server, type Socket } from "node:net"
import { fileURLToPath } from "node:url"
import { run } from "../programs.ts"

const ENTRY = fileURLToPath(new URL("../../workers/main.ts", import.meta.url))
const KEPT_OUTPUT = 8_000

export interface WorkerHost {
  /** where the server is, seen from here */
  address(port: number): string
  /** what stands before `node` on the command line */
  readonly wrap: (command: string[]) => string[]
  close(): Promise<void>
}

export const THIS_HOST: WorkerHost = {
  address: (port) => `127.0.0.1:${port}`,
  wrap: (command) => command,
  close: async () => {},
}

/** @param hidden a directory of the server that is not there; @param ports that are forwarded */
export async function openOtherHost(index: number, hidden: string, ports: readonly number[]): Promise<WorkerHost> {
  const name = `stored-${process.pid}-${index}`
  const network = `10.213.${(process.pid + index) % 250}`
  const link = `st${process.pid % 100_000}x${index}`
  const forwarders: Forwarder[] = []
  const close = async (): Promise<void> => {
    for (const forwarder of forwarders) await forwarder.close()
    await run("ip", ["netns", "delete", name])
  }
  await run("ip", ["netns", "add", name])
  try {
    await run("ip", ["link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name])
    await run("ip", ["addr", "add", `${network}.1/24`, "dev", link])
    await run("ip", ["link", "set", link, "up"])
    await run("ip", ["-n", name, "addr", "add", `${network}.2/24`, "dev", "eth0"])
    await run("ip", ["-n", name, "link", "set", "eth0", "up"])
    await run("ip", ["-n", name, "link", "set", "lo", "up"])
    for (const port of ports) forwarders.push(await Forwarder.open(`${network}.1`, port))
  } catch (error) {
    await close()
    throw error
  }
  return {
    address: (port) => `${network}.1:${port}`,
    wrap: (command) => {
      const script = 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"'
      return ["ip", "netns", "exec", name, "unshare", "-m", "sh", "-c", script, hidden, ...command]
    },
    close,
  }
}

/** Connections to a port of this host, from a link to loopback. */
class Forwarder {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, "127.0.0.1")
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(socket)
        socket.on("close", () => {
          this.#sockets.delete(socket)
          other.destroy()
        })
        // The other side is told by the close; who killed whom is the loop's own business.
        socket.on("error", () => other.destroy())
      }
      near.pipe(far)
      far.pipe(near)
    })
  }

  static async open(host: string, port: number): Promise<Forwarder> {
    const forwarder = new Forwarder(port)
    forwarder.#server.listen(port, host)
    await once(forwarder.#server, "listening")
    return forwarder
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, "close")
  }
}

/** A worker that is started, killed and started again on its host. */
export class WorkerProcess {
  readonly #host: WorkerHost
  readonly #environment: Record<string, string>
  #child: ChildProcess | null = null
  #exit: Promise<unknown> = Promise.resolve()
  #begun: Promise<void> = Promise.resolve()
  output = ""

  constructor(
    host: WorkerHost,
    ports: { server: number; redis: number },
    token: string,
    environment: Record<string, string> = {},
  ) {
    this.#host = host
    this.#environment = {
      STORED_URL: `http://${host.address(ports.server)}`,
      REDIS_URL: `redis://${host.address(ports.redis)}`,
      // The link to another host is this test's own.
      STORED_INSECURE_REDIS: "1",
      STORED_WORKER_TOKEN: token,
      STORED_WORKER_GRACE: "2000",
      ...environment,
    }
  }

  /** One on the server's own host. */
  static here(
    ports: { server: number; redis: number },
    token: string,
    environment?: Record<string, string>,
  ): WorkerProcess {
    return new WorkerProcess(THIS_HOST, ports, token, environment)
  }

  /** of the process on this host */
  get pid(): number {
    return this.#child?.pid ?? 0
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  start(): void {
    const named = this.#host === THIS_HOST ? [] : ["--backends", "a,b"]
    const [program, ...words] = this.#host.wrap([process.execPath, ENTRY, ...named])
    const child = spawn(program!, words, {
      env: { ...process.env, ...this.#environment },
      stdio: ["ignore", "pipe", "pipe"],
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    const hear = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString()).slice(-KEPT_OUTPUT)
      resolve()
    }
    child.stdout.on("data", hear)
    child.stderr.on("data", hear)
    this.#exit = once(child, "exit")
    this.#begun = Promise.race([promise, this.#exit.then(() => {})])
    this.#child = child
  }

  /** Resolves once it has said something, and so can be told to end; before that a signal ends it as it ends any program. */
  begun(): Promise<void> {
    return this.#begun
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<number | null> {
    this.#child?.kill(signal)
    await this.#exit
    return this.#child?.exitCode ?? null
  }
}
