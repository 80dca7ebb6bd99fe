/** One `rclone rcd` on the loopback address, with a password of its own. It ends with us, however we end. */
import { type ChildProcess, spawn } from "node:child_process"
import { randomBytes, randomUUID } from "node:crypto"
import { rcloneError } from "./error.ts"

/** Ends rclone when our end of its standard input is closed, which a kill of us does too. */
const GUARD =
  'exec 3<&0; rclone "$@" & rclone=$!; { cat <&3 >&2; kill $rclone; } & guard=$!; wait $rclone; code=$?; kill $guard; exit $code'
// Retries have one owner, and it is not rclone. What has the same size and time as the file it replaces may be other bytes all the same.
const FLAGS = ["--rc-serve", "--ignore-times", "--low-level-retries=1", "--contimeout=10s", "--timeout=60s"]
const UNLIMITED = ["--rc-server-read-timeout=999h", "--rc-server-write-timeout=999h"]
const START_LIMIT = 20_000

export class RcloneDaemon {
  /** of its remote control */
  url = ""
  readonly auth: string
  /** what no message may hold */
  readonly secrets: readonly string[]
  readonly #child: ChildProcess

  private constructor(environment: Record<string, string>, secrets: readonly string[]) {
    const [user, password] = [randomUUID(), randomBytes(24).toString("base64url")]
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("STORED_"))
    const env = { ...Object.fromEntries(inherited), ...environment, RCLONE_RC_USER: user, RCLONE_RC_PASS: password }
    const args = ["-c", GUARD, "sh", "rcd", "--rc-addr=127.0.0.1:0", ...FLAGS, ...UNLIMITED]
    this.#child = spawn("sh", args, { env, stdio: ["pipe", "ignore", "pipe"] })
    this.secrets = [...secrets, password]
    this.auth = `${user}:${password}`
  }

  /** @throws StoredError where rclone is not installed or does not start */
  static async start(environment: Record<string, string>, secrets: readonly string[]): Promise<RcloneDaemon> {
    const daemon = new RcloneDaemon(environment, secrets)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let said = ""
    const failed = (): void => reject(rcloneError(`rclone did not start: ${said.trim()}`, secrets))
    const timer = setTimeout(failed, START_LIMIT)
    daemon.#child.once("error", failed).once("close", failed)
    daemon.#child.stdin?.on("error", failed)
    // Read on for ever: a full pipe would stop it.
    daemon.#child.stderr?.on("data", (chunk: Buffer) => {
      said = (said + chunk).slice(-500)
      daemon.url ||= /remote control on (http:\S+?)\/?\s/.exec(said)?.[1] ?? ""
      if (daemon.url) resolve()
    })
    try {
      await promise
      return daemon
    } catch (error) {
      await daemon.stop()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  get hasEnded(): boolean {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  async stop(): Promise<void> {
    if (this.hasEnded) return
    const ended = new Promise((resolve) => this.#child.once("exit", resolve))
    this.#child.stdin?.end()
    await ended
  }
}
