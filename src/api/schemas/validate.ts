/** Copies that are read again, as answers show it. */
import * as z from "zod"
import type { BackendValidation, ValidateStatus } from "../../store/store.ts"
import { bytes, serializedError, utcMs } from "./pieces.ts"

const state = z.enum(["idle", "running", "paused", "cancelled", "failed", "done"])
const count = z.int()

const validation = z.object({
  number: count,
  state,
  sample: z.number().describe("share of the copies that is read"),
  seed: z.string().describe("decides which copies a sample is made of"),
  prefix: z.string(),
  pattern: z.string().exactOptional(),
  rate: z.number().nullable().describe("bytes a second"),
  cursor: z.string().nullable(),
  started: utcMs,
  modified: utcMs,
  plan: z
    .object({ copies: count, bytes, chosen: count, chosenBytes: bytes })
    .nullable()
    .describe("what there is, and what is chosen to be read; null: not counted yet"),
  copies: count,
  bytes,
  good: count,
  corrupt: count,
  missing: count,
  changed: count.describe("touched by somebody, to be looked at"),
  unreadable: count,
  passed: count.describe("overwritten or deleted meanwhile"),
  kept: count.describe("bad copies whose bytes lie in quarantine"),
  healing: count.describe("bad and missing copies that are brought back from others"),
  error: serializedError.nullable(),
  validAsOf: utcMs.nullable().describe("beginning of the last one that has read every copy"),
})

export const validateStatus: z.ZodType<ValidateStatus> = validation
  .extend({
    backend: z.string().describe("or staging"),
    waiting: serializedError.nullable().describe("why it does not go on now"),
    rolling: validation.extend({
      every: z.number().nullable().describe("ms in which each is to be done; null: none begins by itself"),
      due: utcMs.nullable(),
      late: z.boolean().describe("it cannot be done by then at the pace that it is allowed"),
    }),
  })
  .meta({ id: "ValidateStatus" })

export const backendValidation: z.ZodType<BackendValidation> = z
  .object({
    state,
    rolling: z.boolean().describe("whether it has begun by itself"),
    copies: count,
    chosen: count.nullable(),
    corrupt: count,
    missing: count,
    unreadable: count,
    late: z.boolean(),
    validAsOf: utcMs.nullable(),
  })
  .meta({ id: "BackendValidation" })
