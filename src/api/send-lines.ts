/** Answers with lines of JSON (`application/x-ndjson`) as they come. What fails after the first line cuts the connection: half a list never looks whole. */
import type { FastifyReply } from "fastify"
import type { ApiLimits } from "./limits.ts"
import { LineFeed } from "./line-feed.ts"
import { cutSlowReader } from "./slow-reader.ts"

export const NDJSON = "application/x-ndjson"

export interface SendLinesOptions extends Pick<ApiLimits, "heartbeat" | "idleTimeout"> {
  /** nobody waits for them any more */
  signal: AbortSignal
}

export function sendLines(
  reply: FastifyReply,
  entries: AsyncIterable<unknown>,
  { heartbeat, idleTimeout, signal }: SendLinesOptions,
): FastifyReply {
  const feed = new LineFeed(entries, { heartbeat, signal })
  cutSlowReader(reply.raw, idleTimeout)
  reply.header("content-type", NDJSON).header("cache-control", "no-store")
  // Proxies that collect an answer before they pass it on would hold every line back.
  reply.header("x-accel-buffering", "no")
  return reply.send(feed)
}
