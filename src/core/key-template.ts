/**
 * Templates of keys that are made from checksums (R14): `{prefix}/{algo}/{h2}/{h2}/{hash}`. Each `{h2}` is the next two digits of the hash, so
 * that no folder grows too large.
 */
import * as z from "zod"
import { type BlobId, splitBlobId } from "./blob-id.ts"
import { keyFault } from "./key.ts"

export const DEFAULT_KEY_TEMPLATE = "{prefix}/{algo}/{h2}/{h2}/{hash}"

const PLACEHOLDERS = ["prefix", "algo", "h2", "hash"]
/** A hash that makes ids has 64 hex digits. */
const MOST_PAIRS = 32
const SAMPLE = `sha256:${"0123456789abcdef".repeat(4)}` as const

export const keyTemplateSchema = z.string().superRefine((template, context) => {
  for (const message of templateFaults(template)) context.addIssue({ code: "custom", message })
})

/** Every mistake in a template. */
export function templateFaults(template: string): string[] {
  const names = [...template.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1]!)
  const faults = [...new Set(names)]
    .filter((name) => !PLACEHOLDERS.includes(name))
    .map((name) => `there is no placeholder {${name}}; use {prefix}, {algo}, {h2} and {hash}`)
  if (/[{}]/.test(template.replace(/\{[^{}]*\}/g, ""))) faults.push("a brace has no partner")
  if (!names.includes("hash")) faults.push("{hash} is missing; without it two contents would get one key")
  if (names.filter((name) => name === "h2").length > MOST_PAIRS)
    faults.push(`{h2} stands there more than ${MOST_PAIRS} times`)
  const fault = faults.length === 0 ? keyFault(renderKey(template, "blobs", SAMPLE)) : null
  return fault === null ? faults : [`it makes no valid key: ${fault}`]
}

/** The key of a blob by a template that has no faults. */
export function renderKey(template: string, prefix: string, id: BlobId): string {
  const { algorithm, hex } = splitBlobId(id)
  let pair = 0
  return template.replace(/\{(prefix|algo|h2|hash)\}/g, (_, name: string) => {
    if (name === "prefix") return prefix
    if (name === "algo") return algorithm
    if (name === "hash") return hex
    pair += 2
    return hex.slice(pair - 2, pair)
  })
}
