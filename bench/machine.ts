/** What was measured on: without it no figure means anything. */
import { readFile } from "node:fs/promises"
import { cpus, loadavg, release, totalmem, type } from "node:os"
import { run } from "./command.ts"

/** CPU features that decide how fast hashes are. */
const TELLING_FLAGS = ["sha_ni", "avx2", "avx512f", "avx512vl", "aes", "sha1", "sha2", "sha3"]

export interface Machine {
  cpu: string
  flags: string
  cores: number
  memory: string
  kernel: string
  fileSystem: string
  node: string
  /** of the pool that carries Node's file calls; peers and ours share it */
  threads: string
  openssl: string
  /** of the last minute, before the first round: near nothing on a machine that has nothing else to do */
  load: string
}

/** @param directory of the work, whose file system is told */
export async function machine(directory: string): Promise<Machine> {
  const info = await readFile("/proc/cpuinfo", "utf8").catch(() => "")
  const present = new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(info)?.[1]?.split(" "))
  const openssl = await run("openssl", ["version"])
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    flags: TELLING_FLAGS.filter((flag) => present.has(flag)).join(" ") || "none of note",
    cores: cpus().length,
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    kernel: `${type()} ${release()}`,
    fileSystem: await fileSystem(directory),
    node: `${process.version} (OpenSSL ${process.versions.openssl})`,
    threads: `${process.env.UV_THREADPOOL_SIZE ?? "4 (Node's default)"} in Node's pool`,
    openssl: openssl.trim(),
    load: loadavg()[0]!.toFixed(2),
  }
}

async function fileSystem(directory: string): Promise<string> {
  const table = await run("df", ["--output=fstype,source", directory])
  const [kind, source] = table.trim().split("\n").at(-1)!.split(/\s+/)
  return `${kind} on ${source}`
}
