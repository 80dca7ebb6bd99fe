/**
 * A secret by reference: `env:NAME`, a variable, or `file:PATH`, a file. The reference is what is kept and shown; what it stands for is asked only by whoever opens
 * the backend, in its own process, and never kept.
 */
import { open } from "node:fs/promises"
import { StoredError } from "./error.ts"

const REFERENCE = /^(env|file):/
/** No secret is longer; a wrong path may name anything. */
const MOST_BYTES = 64 * 1024

export function isSecretReference(value: unknown): value is string {
  return typeof value === "string" && REFERENCE.test(value)
}

/** A `file:` reference with its path as `change` makes it; anything else as it is. */
export function mapReferencePath<Value>(value: Value, change: (path: string) => string): Value | string {
  if (typeof value !== "string" || !value.startsWith("file:")) return value
  return `file:${change(value.slice("file:".length))}`
}

/**
 * What a setting stands for: the secret behind a reference, any other text as it is. A file's last line break is not part of its secret.
 * @param field the setting's name, for the sentence
 * @throws StoredError SECRET_UNAVAILABLE, retryable: a file may be mounted later
 */
export async function resolveSecret(value: string, field: string): Promise<string> {
  if (!isSecretReference(value)) return value
  const [kind, name] = [value.slice(0, value.indexOf(":")), value.slice(value.indexOf(":") + 1)]
  const secret = kind === "env" ? process.env[name] : await readSecret(name, field)
  if (secret) return secret
  const where = kind === "env" ? `the variable ${name}, which is not set` : `the file ${name}, which is empty`
  throw unavailable(field, `is in ${where} where this process runs; set it there`)
}

async function readSecret(path: string, field: string): Promise<string> {
  try {
    await using file = await open(path, "r")
    const { bytesRead, buffer } = await file.read(Buffer.alloc(MOST_BYTES + 1), 0, MOST_BYTES + 1, 0)
    if (bytesRead <= MOST_BYTES) return buffer.toString("utf8", 0, bytesRead).replace(/\r?\n$/, "")
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : "it is no path"
    throw unavailable(field, `is in the file ${path}, which cannot be read here (${reason}); put it there`, cause)
  }
  throw unavailable(field, `is in the file ${path}, which has more than ${MOST_BYTES} bytes; name the right one`)
}

function unavailable(field: string, sentence: string, cause?: unknown): StoredError {
  return new StoredError("SECRET_UNAVAILABLE", `The setting "${field}" ${sentence}.`, {
    retryable: true,
    cause,
    details: { field },
  })
}
