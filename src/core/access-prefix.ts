/**
 * Prefixes of an allow list. One that ends in a slash is a folder: every key below it. Any other is one key, exactly. So `a/` and `a` never let anybody at `ab`, and a
 * key that is taken for a folder by mistake lets nobody at more than itself.
 */
import { keyFault } from "./key.ts"

/** What is wrong with a prefix of an allow list, or null. */
export function accessPrefixFault(text: string): string | null {
  if (text === "") return "it is empty; name no prefixes at all for every key"
  const fault = keyFault(text.endsWith("/") ? text.slice(0, -1) : text)
  return fault
}

/** Without those that lie inside of others, each once, in the order of their UTF-8 bytes. */
export function widest(prefixes: readonly string[]): string[] {
  const sorted = [...new Set(prefixes)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return sorted.filter(
    (prefix) => !sorted.some((other) => other !== prefix && isFolder(other) && prefix.startsWith(other)),
  )
}

/** @param prefixes null: every key. Nothing covers what is no canonical key. */
export function coversKey(prefixes: readonly string[] | null, key: string): boolean {
  if (keyFault(key) !== null) return false
  return prefixes === null || prefixes.some((prefix) => (isFolder(prefix) ? key.startsWith(prefix) : key === prefix))
}

/** Whether every key that begins with `prefix` is covered. */
export function coversPrefix(prefixes: readonly string[] | null, prefix: string): boolean {
  return prefixes === null || prefixes.some((folder) => isFolder(folder) && prefix.startsWith(folder))
}

/** A part of the keys: all that begin so, or the one that is called so. */
export interface Part {
  prefix: string
  isKey: boolean
}

/** Those keys that begin with `prefix` and are covered, as parts that do not overlap, in the order of their keys. */
export function partsWithin(prefixes: readonly string[] | null, prefix: string): Part[] {
  if (coversPrefix(prefixes, prefix)) return [{ prefix, isKey: false }]
  return widest(prefixes ?? [])
    .filter((own) => own.startsWith(prefix))
    .map((own) => ({ prefix: own, isKey: !isFolder(own) }))
}

/** Every folder that a key lies in, from the whole store (empty) down, and the key itself: all that can cover it. */
export function* coversOf(key: string): Generator<string> {
  yield ""
  for (let slash = key.indexOf("/"); slash >= 0; slash = key.indexOf("/", slash + 1)) yield key.slice(0, slash + 1)
  yield key
}

export function isFolder(prefix: string): boolean {
  return prefix === "" || prefix.endsWith("/")
}
