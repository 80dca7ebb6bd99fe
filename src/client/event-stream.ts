/**
 * The events of a server, over as many connections as it takes: each one goes on after the last event of the one before, so that none is
 * missed and none comes twice.
 */
import type { IncomingMessage } from "node:http"
import type { StoredError } from "../core/error.ts"
import type { StoreEvent } from "../core/event.ts"
import { EventMessages } from "./event-messages.ts"
import type { Link } from "./link.ts"
import { nextChunk } from "./next-chunk.ts"
import { pause, pauseBefore } from "./pause.ts"

const FIRST_PAUSE = 100
const LONGEST_PAUSE = 10_000
/** ms without a sign of life; the server gives one every 15 s */
const SILENCE = 45_000

export interface EventStreamOptions {
  /** journal sequence of the last event that is known; undefined: from now on */
  after: number | undefined
  /** also what is no committed fact */
  hints: boolean
  /** ends the stream, without an error */
  signal: AbortSignal
  /** The place in the journal is known: what is committed from here on will come. */
  onPlaced?(): void
  /** A connection failed or broke; another is tried. */
  onBreak(error: StoredError): void
  /** Fires when the next connection should be tried at once. */
  hurry?(): AbortSignal
}

/** @throws StoredError what waiting does not mend */
export async function* eventStream(link: Link, options: EventStreamOptions): AsyncGenerator<StoreEvent> {
  const { signal } = options
  let after = options.after
  let tries = 0
  while (!signal.aborted) {
    let response: IncomingMessage | null = null
    try {
      response = await connection(link, after, options)
      const messages = new EventMessages()
      for (let bytes = await next(response); bytes; bytes = await next(response)) {
        for (const { id, data } of messages.take(bytes)) {
          const event = data === null ? null : (JSON.parse(data) as StoreEvent)
          const isKnown = after !== undefined && event?.sequence != null && event.sequence <= after
          if (id !== undefined) after = Number(id)
          options.onPlaced?.()
          tries = 0
          if (event && !isKnown) yield event
        }
      }
    } catch (error) {
      if (signal.aborted) return
      const failure = link.broken(error, signal)
      if (!mayPass(failure)) throw failure
      options.onBreak(failure)
    } finally {
      response?.destroy()
    }
    tries += 1
    const wake = options.hurry ? AbortSignal.any([signal, options.hurry()]) : signal
    await pause(pauseBefore(tries, FIRST_PAUSE, LONGEST_PAUSE), wake)
  }
}

function connection(link: Link, after: number | undefined, { hints, signal }: EventStreamOptions) {
  const query = { after: after?.toString(), hints: hints ? "true" : undefined }
  return link.send({ path: "/v1/events", query, headers: { accept: "text/event-stream" }, signal })
}

function next(response: IncomingMessage): Promise<Buffer | null> {
  return nextChunk(response, SILENCE)
}

/** A server that closes may come back. */
function mayPass(error: StoredError): boolean {
  return error.retryable || error.code === "CLOSED"
}
