/** A real SFTP server for one test file, with its files in a directory of its own: OpenSSH, where it is installed or by apt-get. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import { type FileServer, fileServer } from "./file-server.ts"
import { isRoot, provideProgram, run } from "./programs.ts"
import { freePort, untilListening } from "./redis-server.ts"

const SSHD = "/usr/sbin/sshd"

export async function startSftp(): Promise<FileServer> {
  // OpenSSH wants its whole path; asked without settings it complains, and is there.
  await provideProgram(SSHD, ["-T", "-f", "/dev/null", "-h", "/dev/null"], "openssh-server").catch(unlessThere)
  const directory = await mkdtemp(join(tmpdir(), "stored-sftp-"))
  const [files, port] = [join(directory, "files"), await freePort()]
  await mkdir(files)
  // The place where the server locks up what it does not trust.
  if (isRoot()) await mkdir("/run/sshd", { recursive: true })
  for (const key of ["host", "user"])
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(directory, key)])
  await writeFile(join(directory, "allowed"), await readFile(join(directory, "user.pub")))
  const settings = {
    ListenAddress: `127.0.0.1:${port}`,
    HostKey: join(directory, "host"),
    AuthorizedKeysFile: join(directory, "allowed"),
    PidFile: "none",
    UsePAM: "no",
    StrictModes: "no",
    PermitRootLogin: "yes",
    MaxStartups: "200",
    MaxSessions: "200",
    Subsystem: "sftp internal-sftp",
  }
  await writeFile(
    join(directory, "settings"),
    Object.entries(settings)
      .map((line) => line.join(" "))
      .join("\n"),
  )
  const child = spawn(SSHD, ["-D", "-f", join(directory, "settings")], { stdio: "ignore" })
  await untilListening(port, child)
  const config = {
    type: "sftp",
    host: "127.0.0.1",
    port,
    user: userInfo().username,
    key_pem: (await readFile(join(directory, "user"), "utf8")).trim().replaceAll("\n", "\\n"),
    // There is only SFTP behind it, and no shell to ask for checksums.
    shell_type: "none",
  }
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM")
    await once(child, "exit")
    await rm(directory, { recursive: true, force: true })
  }
  return fileServer({ remote: `sftp:${files}`, config, files, stop })
}

function unlessThere(error: unknown): void {
  if (!(error instanceof Error && "code" in error && typeof error.code === "number")) throw error
}
