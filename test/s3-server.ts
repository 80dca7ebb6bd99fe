/**
 * A real S3 server for tests, one for a whole run, with a bucket for each test. In this order: the one that `TEST_S3_URL` names (with `TEST_S3_ACCESS_KEY`,
 * `TEST_S3_SECRET_KEY` and, if need be, `TEST_S3_REGION`), a container where a Docker engine answers, a Ceph object gateway on the PATH, one installed by
 * apt-get. The first test that asks starts it; `s3-run.ts` ends it after the last.
 */
import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { rmSync } from "node:fs"
import { access, mkdir, mkdtemp, readFile, rename, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { S3Client } from "@aws-sdk/client-s3"
import { provideProgram } from "./programs.ts"
import { freePort, hasDocker } from "./redis-server.ts"
import { RUN_DIRECTORY, RUN_PROCESS } from "./s3-run.ts"

export interface S3Server {
  /** http://host:port */
  endpoint: string
  region: string
  accessKeyId: string
  secretAccessKey: string
  /** whether it is a Ceph that only this run uses */
  own: boolean
}

const SCRIPT = join(dirname(fileURLToPath(import.meta.url)), "s3-ceph.sh")
const START_DEADLINE = 60_000
const IMAGE = "quay.io/ceph/ceph:v18"
const OWN_KEYS = { accessKeyId: "stored-test", secretAccessKey: "stored-test-secret" }

let server: Promise<S3Server> | null = null

/** The server of this run, started where nobody has yet. */
export function s3Server(): Promise<S3Server> {
  server ??= provide()
  return server
}

/** An independent client of the server: it knows nothing of StoreD. */
export function plainClient({ endpoint, region, accessKeyId, secretAccessKey }: S3Server): S3Client {
  return new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  })
}

async function provide(): Promise<S3Server> {
  const { TEST_S3_URL, TEST_S3_ACCESS_KEY, TEST_S3_SECRET_KEY, TEST_S3_REGION = "us-east-1" } = process.env
  if (TEST_S3_URL) {
    if (!TEST_S3_ACCESS_KEY || !TEST_S3_SECRET_KEY) {
      throw new Error("TEST_S3_URL needs TEST_S3_ACCESS_KEY and TEST_S3_SECRET_KEY beside it; set them.")
    }
    const keys = { accessKeyId: TEST_S3_ACCESS_KEY, secretAccessKey: TEST_S3_SECRET_KEY }
    return { endpoint: TEST_S3_URL, region: TEST_S3_REGION, ...keys, own: false }
  }
  const run = process.env[RUN_DIRECTORY] ?? (await ownDirectory())
  const address = await once(run, async () => ((await hasDocker()) ? startContainer() : startCeph(run)))
  return { endpoint: address, region: "us-east-1", ...OWN_KEYS, own: true }
}

/** For a process that no run stands around: the directory goes with the process, and the server with the directory. */
async function ownDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "stored-s3-"))
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Does something once for all processes of a run: who makes the directory does it, the others wait for what it tells. */
async function once(run: string, start: () => Promise<string>): Promise<string> {
  const told = join(run, "address")
  const isFirst = await mkdir(join(run, "starting")).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "EEXIST") return false
      throw error
    },
  )
  if (isFirst) {
    const answer = await start().catch((error: unknown) => `failed: ${String(error)}`)
    await writeFile(`${told}.new`, answer)
    await rename(`${told}.new`, told)
  }
  await until(() => exists(told), START_DEADLINE, "the S3 server was not started in time by another process")
  const answer = await readFile(told, "utf8")
  if (answer.startsWith("failed: ")) throw new Error(answer.slice("failed: ".length))
  return answer
}

async function startCeph(run: string): Promise<string> {
  await provideProgram("radosgw", ["--version"], "radosgw")
  await provideProgram("ceph-mon", ["--version"], "ceph-mon")
  await provideProgram("ceph-osd", ["--version"], "ceph-osd")
  const [monitor, port] = [await freePort(), await freePort()]
  const directory = join(run, "ceph")
  await mkdir(directory)
  const watched = process.env[RUN_PROCESS] ?? String(process.pid)
  const { accessKeyId, secretAccessKey } = OWN_KEYS
  const args = [SCRIPT, directory, String(monitor), String(port), "127.0.0.1", accessKeyId, secretAccessKey, watched]
  const child = spawn("sh", args, { stdio: "ignore", detached: true })
  child.unref()
  await writeFile(join(run, "pid"), String(child.pid))
  const isUp = async (): Promise<boolean> => {
    if (child.exitCode !== null)
      throw new Error(`The Ceph object gateway ended with ${child.exitCode} while it started.`)
    return exists(join(directory, "ready"))
  }
  await until(isUp, START_DEADLINE, "the Ceph object gateway did not start in time")
  return `http://127.0.0.1:${port}`
}

async function startContainer(): Promise<string> {
  const { GenericContainer, Wait } = await import("testcontainers")
  const { accessKeyId, secretAccessKey } = OWN_KEYS
  const container = await new GenericContainer(IMAGE)
    .withCopyFilesToContainer([{ source: SCRIPT, target: "/s3-ceph.sh" }])
    .withEntrypoint(["sh", "/s3-ceph.sh"])
    .withCommand(["/tmp/ceph", "6789", "8000", "0.0.0.0", accessKeyId, secretAccessKey])
    .withExposedPorts(8000)
    .withWaitStrategy(Wait.forSuccessfulCommand("test -f /tmp/ceph/ready"))
    .start()
  return `http://${container.getHost()}:${container.getMappedPort(8000)}`
}

/** A bucket's name that nobody else has. */
export function bucketName(): string {
  return `stored-test-${randomUUID()}`
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

async function until(check: () => Promise<boolean>, deadline: number, otherwise: string): Promise<void> {
  const end = Date.now() + deadline
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`${otherwise} (${deadline} ms).`)
    await sleep(50)
  }
}
