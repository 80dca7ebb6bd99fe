/** Puts one large file to S3 as a process of its own, to be killed in the midst: `node s3-child.ts CONFIG-JSON ABILITIES-JSON KEY FILE SHA256`. */
import { createReadStream } from "node:fs"
import { stat } from "node:fs/promises"
import { S3Backend } from "../../src/backends/s3.ts"
import { createHashers } from "../../src/checksums/hashers.ts"

const [config = "", abilities = "", key = "", path = "", hex = ""] = process.argv.slice(2)
const hashers = await createHashers()
const backend = new S3Backend(JSON.parse(config), { hashers, knownAbilities: JSON.parse(abilities) })
await backend.open()
const { size } = await stat(path)
const source = { size, path, read: () => createReadStream(path) }
await backend.put(key, source, { checksum: { algorithm: "sha256", hex } })
await backend.close()
