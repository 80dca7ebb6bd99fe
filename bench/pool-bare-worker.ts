/**
 * The peer of a worker: a process that takes the same payload from BullMQ and does nothing with it, or writes, syncs and reads back a file of the same
 * size. `node bench/pool-bare-worker.ts URL PREFIX QUEUE CONCURRENCY COUNT [DIRECTORY]`; tells its parent the time from the first job to the last.
 */
import { open, readFile, rename } from "node:fs/promises"
import { join } from "node:path"
import { Worker } from "bullmq"

const [url = "", prefix = "", queue = "", concurrency = "", count = "", directory] = process.argv.slice(2)
const content = Buffer.alloc(4096, "x")
let begun = 0
let done = 0

const worker = new Worker(
  queue,
  async (job) => {
    begun ||= performance.now()
    if (directory) await write(job.id ?? "")
  },
  { connection: { url }, prefix, concurrency: Number(concurrency), removeOnComplete: { count: 0 } },
)
worker.on("completed", () => {
  done += 1
  if (done === Number(count)) process.send?.({ seconds: (performance.now() - begun) / 1000 })
})
worker.on("ready", () => process.send?.({ ready: true }))
process.on("message", () => void worker.close(true).then(() => process.exit(0)))

async function write(name: string): Promise<void> {
  const temporary = join(directory!, `${name}.tmp`)
  const file = await open(temporary, "wx")
  try {
    await file.write(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, join(directory!, name))
  const folder = await open(directory!, "r")
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
  await readFile(join(directory!, name))
}
