/**
 * Ours in a process of its own: puts every file of a directory by path and waits until each is proven in the bucket. Started by `s3.ts` with one JSON
 * argument; tells the seconds in one line of JSON.
 */
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { createStore } from "../src/index.ts"
import { inFlight, timed } from "./measure.ts"

export interface S3Task {
  /** flat, files only */
  files: string
  data: string
  /** settings of the backend, with `concurrency` */
  backend: Record<string, unknown>
}

export interface S3Answer {
  /** until every put was acknowledged; until every copy was proven */
  seconds: { put: number; synced: number }
}

const task = JSON.parse(process.argv[2] ?? "") as S3Task
const names = await readdir(task.files)
const store = await createStore({
  data: task.data,
  backends: { bucket: task.backend as { driver: string } },
  defaultBackends: ["bucket"],
})
let put = 0
const synced = await timed(async () => {
  put = await timed(() =>
    inFlight(16, names.length, (index) => store.put(join(task.files, names[index]!), { key: names[index]! })),
  )
  await store.idle()
})
const { syncsCompleted, queues } = store.status()
const left = queues.reduce((sum, { due, parked }) => sum + due + parked, 0)
await store.close()
if (syncsCompleted !== names.length || left > 0)
  throw new Error(`Of ${names.length} files ${syncsCompleted} are proven and ${left} left.`)
process.stdout.write(`${JSON.stringify({ seconds: { put, synced } } satisfies S3Answer)}\n`)
