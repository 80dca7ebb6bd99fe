/** The places where an object's copies should be. A location that was lost comes back from its object, which names its copies. */
import type { Engine } from "../rows/engine.ts"
import { locationKey } from "../rows/key.ts"
import { BlobDrafts } from "../transitions/blob-drafts.ts"
import { restoreLocation } from "../transitions/location.ts"
import { eachRow, look } from "../verify/walk.ts"
import type { Step } from "./mend.ts"

export async function* mendPlaces(engine: Engine, time: number): AsyncGenerator<Step> {
  for await (const [objectKey, { id: want, copies }] of eachRow(engine, "objects")) {
    for (const { backend, key } of copies) {
      if (look(engine, "locations", locationKey(backend, key)) !== null) continue
      // The object says what should be there; what is there will be seen by the job.
      yield (rows) => restoreLocation({ rows, drafts: new BlobDrafts(rows), time }, { backend, key, objectKey, want })
    }
  }
}
