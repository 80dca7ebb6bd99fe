/** Where something is copied from or to: a key of the store, written with a colon before it (`:photos/a.jpg`, `:` is all of it), or a path of this machine. A file whose name begins with a colon is `./:name`. */
import { StoredError } from "../../core/error.ts"

export interface Place {
  isStore: boolean
  /** a key, a folder of keys, or a path */
  name: string
}

/** @throws StoredError INVALID_INPUT */
export function parsePlace(word: string): Place {
  if (word === "") throw new StoredError("INVALID_INPUT", "A place is empty; name a path, or :key for the store.")
  if (word === "-") throw new StoredError("INVALID_INPUT", "Standard input and output are for put and get.")
  return word.startsWith(":") ? { isStore: true, name: word.slice(1) } : { isStore: false, name: word }
}

/** Whether a name is written as a folder: what comes goes into it, under its own name. */
export function isFolderName(name: string): boolean {
  return name === "" || name.endsWith("/")
}

/** `photos` as `photos/`; all of the store stays as it is. */
export function asFolder(name: string): string {
  return isFolderName(name) ? name : `${name}/`
}

/** The last part of a key. */
export function lastName(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1)
}
