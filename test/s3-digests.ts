/** What a bucket holds, read back and hashed by rclone, which shares no code with StoreD. */
import { provideProgram, run } from "./programs.ts"
import type { TestBucket } from "./s3-bucket.ts"

const MOST_OUTPUT = 2 ** 28

/** Key → SHA-256 in hex of its bytes, of every object; keys have no newline. */
export async function digestsOf({ server, bucket }: TestBucket): Promise<Map<string, string>> {
  await provideProgram("rclone", ["version"], "rclone")
  const env = {
    ...process.env,
    // A bundle of authorities for elsewhere keeps an old rclone from starting.
    AWS_CA_BUNDLE: undefined,
    RCLONE_CONFIG: "/dev/null",
    RCLONE_CONFIG_BUCKET_TYPE: "s3",
    RCLONE_CONFIG_BUCKET_PROVIDER: "Ceph",
    RCLONE_CONFIG_BUCKET_ENDPOINT: server.endpoint,
    RCLONE_CONFIG_BUCKET_REGION: server.region,
    RCLONE_CONFIG_BUCKET_ACCESS_KEY_ID: server.accessKeyId,
    RCLONE_CONFIG_BUCKET_SECRET_ACCESS_KEY: server.secretAccessKey,
  }
  const args = ["hashsum", "sha256", "--download", "--fast-list", "--checkers", "16", `bucket:${bucket}`]
  const { stdout } = await run("rclone", args, { env, maxBuffer: MOST_OUTPUT })
  const lines = stdout.split("\n").filter((line) => line !== "")
  return new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]))
}
