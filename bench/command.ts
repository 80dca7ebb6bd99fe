/** Other programs as peers: run to their end, with their output, and a failure that says which one failed and how. */
import { spawn } from "node:child_process"

/** Runs a program without a shell. @returns what it printed @throws Error where it cannot be started or exits with another code than 0 */
export function run(program: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] })
    const output: Buffer[] = []
    const complaints: Buffer[] = []
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk))
    child.stderr.on("data", (chunk: Buffer) => complaints.push(chunk))
    child.on("error", reject)
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(output).toString())
      const reason = Buffer.concat(complaints).toString().trim()
      reject(new Error(`${program} ${args.join(" ")} ended with ${signal ?? code}: ${reason}`))
    })
  })
}

/** Runs one line of shell; the words after it are `$1`, `$2`, … */
export function shell(line: string, ...words: string[]): Promise<string> {
  return run("sh", ["-ec", line, "sh", ...words])
}

export async function isInstalled(program: string): Promise<boolean> {
  return shell('command -v "$1"', program).then(
    () => true,
    () => false,
  )
}
