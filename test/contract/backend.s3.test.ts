import { S3Backend } from "../../src/backends/s3.ts"
import type { JsonObject } from "../../src/core/json.ts"
import { makeBucket } from "../s3-bucket.ts"
import { MIB } from "./backend/harness.ts"
import { backendSuite, hashers } from "./backend.suite.ts"

/** What the first opening found out is handed to the others, as the store does. */
let knownAbilities: JsonObject | undefined

backendSuite({
  name: "s3",
  largest: { size: 24 * MIB, reason: "the server holds it in memory; five parts of 5 MiB, the last one smaller" },
  times: { given: false, precision: 2000, reason: "the server's own time of the write, in whole seconds" },
  listing: { entries: 1100, reason: "more than a page of the server; each entry takes it milliseconds to write" },
  make: async () => {
    const bucket = await makeBucket()
    const config = bucket.config({ partSize: 5 * MIB, multipartAbove: 5 * MIB, prefix: "some/folder" })
    const backend = new S3Backend(config, { hashers, ...(knownAbilities && { knownAbilities }) })
    await backend.open()
    knownAbilities = backend.abilities
    const dispose = () => backend.close().then(bucket.remove)
    const litter = async () => [
      ...(await bucket.keys("some/folder/.stored-tmp/")),
      ...(await bucket.uploads()).map(({ key }) => key),
    ]
    return { backend, dispose, litter }
  },
})
