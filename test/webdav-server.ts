/** A real WebDAV server for one test file, with its files in a directory of its own: that of rclone, from the PATH or installed by apt-get. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type FileServer, fileServer } from "./file-server.ts"
import { provideProgram } from "./programs.ts"
import { freePort, untilListening } from "./redis-server.ts"

export const WEBDAV_PASSWORD = "webdav canary: p$ssw0rd"

export async function startWebdav(): Promise<FileServer> {
  await provideProgram("rclone", ["version"], "rclone")
  const files = await mkdtemp(join(tmpdir(), "stored-webdav-"))
  const port = await freePort()
  const args = ["serve", "webdav", files, "--addr", `127.0.0.1:${port}`, "--dir-cache-time", "0s"]
  const env = { ...process.env, RCLONE_USER: "somebody", RCLONE_PASS: WEBDAV_PASSWORD }
  const child = spawn("rclone", args, { stdio: "ignore", env })
  await untilListening(port, child)
  const config = {
    type: "webdav",
    url: `http://127.0.0.1:${port}`,
    vendor: "other",
    user: "somebody",
    pass: WEBDAV_PASSWORD,
  }
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM")
    await once(child, "exit")
    await rm(files, { recursive: true, force: true })
  }
  return fileServer({ remote: "webdav:", config, files, stop })
}
