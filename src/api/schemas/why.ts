/** The life of an object as an answer shows it. */
import * as z from "zod"
import type { Why, WhyCopy, WhyJob, WhyWait } from "../../store/store.ts"
import { location, metadata } from "./object.ts"
import { utcMs } from "./pieces.ts"
import { journalRecord, outboxRecord } from "./service.ts"

const job: z.ZodType<WhyJob> = z
  .intersection(outboxRecord, z.object({ running: z.boolean().describe("somebody is at it now") }))
  .meta({ id: "WhyJob" })

const copy: z.ZodType<WhyCopy> = z
  .intersection(
    location,
    z.object({
      objectKey: z.string().describe("of the object that it serves"),
      wanted: z.boolean().describe("false: it is to go"),
      since: utcMs.describe("since when it is as it is"),
      job: job.nullable(),
    }),
  )
  .meta({ id: "WhyCopy" })

const wait: z.ZodType<WhyWait> = z
  .object({
    backend: z.string().nullable(),
    reason: z.enum([
      "running",
      "queued",
      "retry",
      "breaker",
      "paused",
      "unavailable",
      "no-worker",
      "parked",
      "unproven",
    ]),
    message: z.string(),
    next: utcMs.nullable().describe("when it is tried again by itself"),
    command: z.string().nullable().describe("what makes it go on, or says more"),
  })
  .meta({ id: "WhyWait" })

export const why: z.ZodType<Omit<Why, "journal">> = z
  .object({
    name: z.string(),
    object: metadata.nullable().describe("null where it is no more"),
    copies: z.array(copy),
    checksumJob: job.nullable(),
    waits: z.array(wait),
    journal: z.object({
      records: z.array(journalRecord).describe("the oldest first"),
      looked: z.int().describe("how many records were looked at"),
      from: z.int().describe("sequence of the oldest of them"),
      complete: z.boolean().describe("whether there can be no older ones"),
    }),
  })
  .meta({ id: "Why" })
