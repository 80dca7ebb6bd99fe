/** How many jobs of a backend may begin in a time, over all who work for it: `{ "max": 100, "per": 1000 }` is a hundred a second. */
import * as z from "zod"

const MOST = 100_000
const LONGEST = 86_400_000

export const rateLimitSchema = z.strictObject({
  /** jobs */
  max: z.int().min(1).max(MOST),
  /** ms, a day at most */
  per: z.int().min(1).max(LONGEST),
})

export type RateLimit = z.output<typeof rateLimitSchema>
