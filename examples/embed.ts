/** The store inside an application: `node embed.ts DATA`. Two folders stand for two disks; each object is copied to both. */
import { join } from "node:path"
import { createStore, isStoredError } from "stored"

const data = process.argv[2] ?? ".stored"
const store = await createStore({
  data,
  backends: {
    first: { driver: "fs", root: join(data, "first") },
    second: { driver: "fs", root: join(data, "second") },
  },
  defaultBackends: ["first", "second"],
})
try {
  const note = await store.put(Buffer.from("buy milk"), { key: "notes/today.txt", metadata: { mood: "good" } })
  console.log("put", note.key, note.id)

  const proven = await store.synced("notes/today.txt") // both disks were asked, after the write
  for (const { backend, synced } of proven.locations) console.log("copy", backend, synced)

  console.log("got", (await store.get("notes/today.txt")).toString())
  for await (const { key, size } of store.list({ prefix: "notes/" })) console.log("listed", key, size)

  // A put that must not replace what is there.
  await store.put(Buffer.from("buy bread"), { key: "notes/today.txt", ifAbsent: true }).catch((error: unknown) => {
    if (!isStoredError(error)) throw error
    console.log("refused", error.code)
  })
} finally {
  await store.close()
}
