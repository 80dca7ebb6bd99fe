/**
 * How events travel over Redis pub/sub, which forgets what nobody hears. Each message bears a number of its publisher's life, one more than the
 * one before, so that a subscriber knows when it has missed some; what they were it reads from the journal (RELIABILITY P11).
 */
import * as z from "zod"
import { STORE_EVENTS, type StoreEvent } from "../src/core/event.ts"

export const DEFAULT_EVENT_CHANNEL = "stored:events"

const messageSchema = z.strictObject({
  version: z.literal(1),
  /** random, of the process that publishes */
  life: z.string().min(1).max(64),
  /** counts every event of that life, those that could not be sent too */
  number: z.int().min(0),
  /** null: only says how many there were so far */
  event: z
    .strictObject({
      type: z.enum(STORE_EVENTS as [string, ...string[]]),
      sequence: z.int().min(1).nullable(),
      time: z.number(),
      data: z.record(z.string(), z.unknown()),
    })
    .nullable(),
})

export interface EventMessage {
  version: 1
  life: string
  number: number
  event: StoreEvent | null
}

export function encodeEvent(message: EventMessage): string {
  return JSON.stringify(message)
}

/** Null where it is none: anybody who reaches the Redis can publish anything. */
export function decodeEvent(text: string): EventMessage | null {
  try {
    const parsed = messageSchema.safeParse(JSON.parse(text))
    return parsed.success ? (parsed.data as unknown as EventMessage) : null
  } catch {
    // No JSON at all.
    return null
  }
}
