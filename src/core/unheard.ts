/** Streams that may fail before anybody listens. */
import type { Readable } from "node:stream"

/**
 * For a stream that heeds a signal: it may be aborted before its reader has it, who then finds it failed. Without a listener of its own that would be an
 * error that nobody caught, and end the process. Called where the stream is made.
 */
export function mayFailUnheard(stream: Readable): void {
  stream.on("error", () => {})
}
