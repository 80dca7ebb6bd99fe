/**
 * Names in archives (RELIABILITY §5, Zip slip). Whatever a key is, what is made of it stays inside the folder into which somebody extracts, is a name on
 * every system, and is no other entry's file there: not by case, by another way to write the same letters, or by being a file where another
 * entry needs a folder.
 */
import { hash } from "node:crypto"

/** Controls; marks that turn the order of letters round; what Windows has a meaning for, backslash and the colon of drives and streams among them. */
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\\<>:"|?*]/g
/** Windows drops them: `..` with a blank behind it would climb. */
const TRAILING = /[. ]+$/
/** Devices of Windows, whatever stands behind the first dot. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/i
/** Systems take 255; some room is left for a number. */
const MOST_BYTES = 240

export class EntryNames {
  /** what stands at a path, by a short hash of it: two paths that share one only make a number where none was needed */
  readonly #taken = new Map<number, "file" | "folder">()
  /** folders that have another name because a file has theirs */
  readonly #moved = new Map<number, string>()
  readonly #numbers = new Map<number, number>()

  /** The name of the next entry. @param path a key, or what is left of it, with slashes */
  next(path: string): string {
    const segments = path.split("/").map(safeSegment)
    const file = segments.pop()!
    let folder = ""
    for (const segment of segments) folder = `${this.#folder(folder + segment)}/`
    return this.#claim(folder + file, "file")
  }

  #folder(path: string): string {
    const mark = markOf(path)
    const taken = this.#taken.get(mark)
    if (taken === "folder") return path
    if (taken === undefined) return this.#claim(path, "folder")
    const moved = this.#moved.get(mark) ?? this.#claim(path, "folder")
    this.#moved.set(mark, moved)
    return moved
  }

  #claim(path: string, kind: "file" | "folder"): string {
    const first = markOf(path)
    let name = path
    for (let mark = first; this.#taken.has(mark); mark = markOf(name)) {
      const number = (this.#numbers.get(first) ?? 1) + 1
      this.#numbers.set(first, number)
      name = numbered(path, number)
    }
    this.#taken.set(markOf(name), kind)
    return name
  }
}

/** One name between two slashes, safe on every system. */
export function safeSegment(segment: string): string {
  const plain = segment.replace(FORBIDDEN, "_").replace(TRAILING, (end) => "_".repeat(end.length))
  const named = plain === "" ? "_" : DEVICE.test(plain) ? `_${plain}` : plain
  return Buffer.byteLength(named) <= MOST_BYTES ? named : shortened(named)
}

/** Its beginning, with the ending by which programs know it. */
function shortened(name: string): string {
  const [, ending = ""] = /(\.[^. ]{1,16})$/.exec(name) ?? []
  const room = MOST_BYTES - Buffer.byteLength(ending)
  const { read } = new TextEncoder().encodeInto(name, new Uint8Array(room))
  return name.slice(0, read) + ending
}

/** `a/photo.jpg` as `a/photo (2).jpg` */
function numbered(path: string, number: number): string {
  const dot = path.lastIndexOf(".")
  const place = dot > path.lastIndexOf("/") + 1 ? dot : path.length
  return `${path.slice(0, place)} (${number})${path.slice(place)}`
}

/** The same for paths that are one on some system: case, composed and decomposed letters, letters that are not seen. */
function markOf(path: string): number {
  const seen = path.normalize("NFC").replace(/\p{Default_Ignorable_Code_Point}/gu, "")
  return hash("sha1", seen.toUpperCase().toLowerCase(), "buffer").readUIntBE(0, 6)
}
