/** An answer of lines of JSON (`application/x-ndjson`), with an empty line now and then. */
import type { IncomingMessage } from "node:http"
import { StoredError } from "../core/error.ts"
import { nextChunk } from "./next-chunk.ts"

/** ms without a sign of life; the server gives one every 15 s */
export const SILENCE = 45_000
/** characters of one line; ours have at most a few thousand */
const MOST = 2 ** 20

/** What each piece of the answer completes. @throws StoredError INTERNAL where it is no such answer */
export async function* linesOf<Entry>(response: IncomingMessage): AsyncGenerator<Entry[], void, undefined> {
  const decoder = new TextDecoder()
  let rest = ""
  for (let chunk = await nextChunk(response, SILENCE); chunk; chunk = await nextChunk(response, SILENCE)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    if (rest.length > MOST) throw foreign()
    const entries = lines.filter((line) => line !== "").map((line) => parse<Entry>(line))
    if (entries.length > 0) yield entries
  }
  if (rest !== "") throw foreign()
}

function parse<Entry>(line: string): Entry {
  try {
    return JSON.parse(line) as Entry
  } catch (cause) {
    throw foreign(cause)
  }
}

function foreign(cause?: unknown): StoredError {
  return new StoredError("INTERNAL", "What answers sends no lines of JSON: it is no StoreD.", { cause })
}
