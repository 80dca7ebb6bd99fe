/** Keys that end a live view: `q`, and Ctrl-C, which a terminal in raw mode gives as a character. */
import type { Readable } from "node:stream"

const CTRL_C = "\u0003"

type Keyboard = Readable & { isTTY?: boolean; setRawMode?(raw: boolean): unknown }

/** Calls `end` at the first such key, where there is a keyboard. Returns what gives the keyboard back. */
export function watchKeys(stdin: Keyboard, end: () => void): () => void {
  if (!stdin.isTTY) return () => {}
  const look = (keys: Buffer | string): void => {
    if ([..."qQ", CTRL_C].some((key) => keys.toString().includes(key))) end()
  }
  stdin.setRawMode?.(true)
  stdin.on("data", look)
  stdin.resume()
  return () => {
    stdin.off("data", look)
    stdin.setRawMode?.(false)
    stdin.pause()
  }
}
