/** The handlers of the job kinds, run in the server's own process. */
import type { JobHandlers } from "../../queues/job.ts"
import { checksum } from "../../workers/checksum.ts"
import { sync } from "../../workers/sync.ts"
import type { ChecksumPool } from "../checksums/pool.ts"
import { content } from "../store/content.ts"
import type { StoreServices } from "../store/services.ts"
import { suspect } from "../store/suspect.ts"

export function jobHandlers(services: () => StoreServices, pool: ChecksumPool): JobHandlers {
  return {
    sync: (job, signal) => {
      const parts = services()
      return sync(
        job,
        {
          backend: (name) => parts.backends.opened(name),
          content: (id, size, ended) => content(parts, id, size, ended, job),
          suspect: (id) => suspect(parts, id).then(() => {}),
          copied: (bytes) => parts.meter.bytes("copied", bytes),
          hashers: parts.hashers,
          clock: parts.clock,
        },
        signal,
      )
    },
    checksum: (job, signal) => {
      const parts = services()
      return checksum(
        job,
        {
          content: (id, size, ended) => content(parts, id, size, ended),
          suspect: (id) => suspect(parts, id).then(() => {}),
          hashFile: (path, algorithms, ended) => pool.hashFile(path, algorithms, { signal: ended }),
          hashers: parts.hashers,
        },
        signal,
      )
    },
  }
}
