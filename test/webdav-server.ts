/**
 * Real WebDAV servers for one test file, each with its files in a directory of its own: Apache, and that of rclone, which differs from others in what it does at one
 * place at the same time. From where they are installed, or by apt-get.
 */
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type FileServer, fileServer } from "./file-server.ts"
import { isRoot, provideProgram, run } from "./programs.ts"
import { freePort, untilListening } from "./redis-server.ts"

const USER = "somebody"
export const WEBDAV_PASSWORD = "webdav canary: p$ssw0rd"
export const WEBDAV_AUTHORIZATION = `Basic ${Buffer.from(`${USER}:${WEBDAV_PASSWORD}`).toString("base64")}`

export interface WebdavServer extends FileServer {
  url: string
}

const APACHE = "/usr/sbin/apache2"
const MODULES = ["mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "dav", "dav_fs"]
/** Whom Apache serves as where it is started by root, which it never is itself. */
const SERVANT = "www-data"

export async function startWebdav(): Promise<WebdavServer> {
  await provideProgram(APACHE, ["-v"], "apache2-bin")
  const directory = await mkdtemp(join(tmpdir(), "stored-webdav-"))
  const [files, locks, port] = [join(directory, "files"), join(directory, "locks"), await freePort()]
  await mkdir(files)
  await mkdir(locks)
  const digest = createHash("sha1").update(WEBDAV_PASSWORD).digest("base64")
  await writeFile(join(directory, "users"), `${USER}:{SHA}${digest}\n`)
  await writeFile(join(directory, "apache.conf"), apacheConfig(directory, port))
  await chmod(directory, 0o755)
  if (isRoot()) await run("chown", [`${SERVANT}:${SERVANT}`, files, locks])
  return serve(APACHE, ["-f", join(directory, "apache.conf"), "-DFOREGROUND"], { directory, files, port })
}

function apacheConfig(directory: string, port: number): string {
  return [
    `ServerRoot ${directory}`,
    "ServerName 127.0.0.1",
    `Listen 127.0.0.1:${port}`,
    `PidFile ${directory}/pid`,
    `ErrorLog ${directory}/errors`,
    ...MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
    ...(isRoot() ? [`User ${SERVANT}`, `Group ${SERVANT}`] : []),
    "MaxKeepAliveRequests 0",
    `DavLockDB ${directory}/locks/db`,
    `DocumentRoot ${directory}/files`,
    `<Directory ${directory}/files>`,
    "Dav On",
    "AllowOverride None",
    "AuthType Basic",
    "AuthName files",
    `AuthUserFile ${directory}/users`,
    "Require valid-user",
    "</Directory>",
    "",
  ].join("\n")
}

export async function startRcloneWebdav(): Promise<WebdavServer> {
  await provideProgram("rclone", ["version"], "rclone")
  const directory = await mkdtemp(join(tmpdir(), "stored-webdav-"))
  const [files, port] = [join(directory, "files"), await freePort()]
  await mkdir(files)
  const args = ["serve", "webdav", files, "--addr", `127.0.0.1:${port}`, "--dir-cache-time", "0s"]
  return serve("rclone", args, { directory, files, port }, { RCLONE_USER: USER, RCLONE_PASS: WEBDAV_PASSWORD })
}

async function serve(
  program: string,
  args: string[],
  { directory, files, port }: { directory: string; files: string; port: number },
  environment: Record<string, string> = {},
): Promise<WebdavServer> {
  const child = spawn(program, args, { stdio: "ignore", env: { ...process.env, ...environment } })
  await untilListening(port, child)
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM")
    await once(child, "exit")
    await rm(directory, { recursive: true, force: true })
  }
  const url = `http://127.0.0.1:${port}`
  return { ...fileServer({ remote: "webdav:", config: webdavConfig(url), files, stop }), url }
}

/** Options of rclone for the server there. */
export function webdavConfig(url: string): Record<string, string> {
  return { type: "webdav", url, vendor: "other", user: USER, pass: WEBDAV_PASSWORD }
}
