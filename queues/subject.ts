/** What a job is about: at most one job for each subject is out at a time (law 3). */
import type { JobPayload } from "../src/catalog/record.ts"

export function subjectOf(payload: JobPayload): string {
  return payload.kind === "sync" ? locationSubject(payload.backend, payload.key) : payload.id
}

export function locationSubject(backend: string, key: string): string {
  return `${backend}\u0000${key}`
}
