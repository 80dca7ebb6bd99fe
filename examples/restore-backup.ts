/**
 * Puts a backup back and verifies it: `node restore-backup.ts BACKUP DATA`. A backup is a copy of the data directory of a store that was not open;
 * DATA must not exist yet. Every copy that was proven is read again, and everything that is staged.
 */
import { cp } from "node:fs/promises"
import { createStore, runDoctor } from "stored"

const [backup, data] = process.argv.slice(2)
if (!backup || !data) throw new Error("Say which backup, and where to: node restore-backup.ts BACKUP DATA")
await cp(backup, data, { recursive: true, errorOnExist: true, force: false, preserveTimestamps: true })

// The configuration is in the catalog. With `repair`, copies that the backup lacks are made again from others.
const { clean, checked, repaired, findings } = await runDoctor({ data }, { repair: true })
for (const { severity, subject, message } of findings) console.log(severity, subject, message)
console.log("checked", checked.objects, "objects,", checked.locations, "copies;", repaired, "mended")
if (!clean) process.exit(1)

const store = await createStore({ data })
for await (const { key, checksum } of store.list()) console.log(key, checksum)
await store.close()
