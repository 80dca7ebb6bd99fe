/**
 * Reads the copies of a backend. Small local files are hashed by threads, many in a call; what is large while there is a limit, or lies elsewhere, passes through
 * here piece by piece, so that the limit holds at every moment. What a backend says of its own checksums is not asked: the bytes are read.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { BackendStat, StorageBackend } from "../../backends/backend.ts"
import { splitBlobId } from "../../core/blob-id.ts"
import type { IdAlgorithm } from "../../core/checksum.ts"
import { isStoredError, throwIfAborted, toStoredError } from "../../core/error.ts"
import { isSameState } from "../../core/seen-state.ts"
import { isUnreadable } from "../../core/unreadable.ts"
import type { BackendCopy } from "./backend-copies.ts"
import { inLanes } from "./in-lanes.ts"
import type { ReadOptions, ValidateParts } from "./place.ts"
import { readStream } from "./read-stream.ts"
import type { CopyRead } from "./verdict.ts"

/** bytes from which on a local file is read piece by piece where there is a limit */
const LARGE = 4 * 2 ** 20
const AT_ONCE = 4
const TRIES = 3
/** ms before the second try, doubled each time */
const FIRST_DELAY = 200

/** One answer each, in order. @throws StoredError ABORTED, and of the backend where it is away */
export async function readCopies(
  parts: ValidateParts,
  backend: StorageBackend,
  copies: readonly BackendCopy[],
  options: ReadOptions,
): Promise<CopyRead[]> {
  const isLocal = ({ size }: BackendCopy): boolean =>
    backend.pathOf !== undefined && (size < LARGE || options.budget.isFree)
  const answers = new Map<BackendCopy, CopyRead>()
  await Promise.all([
    readLocal(parts, backend, copies.filter(isLocal), options, answers),
    inLanes(
      copies.filter((copy) => !isLocal(copy)),
      AT_ONCE,
      async (copy) => void answers.set(copy, await readPatiently(parts, backend, copy, options)),
    ),
  ])
  return copies.map((copy) => answers.get(copy)!)
}

async function readLocal(
  parts: ValidateParts,
  backend: StorageBackend,
  copies: readonly BackendCopy[],
  options: ReadOptions,
  answers: Map<BackendCopy, CopyRead>,
): Promise<void> {
  if (copies.length === 0) return
  const { budget, signal } = options
  await budget.take(
    copies.reduce((sum, { size }) => sum + size, 0),
    signal,
  )
  const algorithms = [...new Set(copies.map(({ id }) => splitBlobId(id).algorithm))]
  const paths = copies.map(({ key }) => backend.pathOf!(key))
  const hashed = await parts.hashFiles({ paths, algorithms }, signal)
  for (const [index, copy] of copies.entries()) {
    const answer = hashed[index]!
    const hex = answer.type === "hashed" ? answer.checksums[splitBlobId(copy.id).algorithm] : undefined
    // What is not as it was, or could not be read, is looked at by the backend's own means.
    if (answer.type === "hashed" && hex !== undefined && copy.seen && isSameState(answer.state, copy.seen)) {
      const { state } = answer
      answers.set(copy, { type: "read", by: "checksum", hex, state, bytes: state.size })
    } else answers.set(copy, await readPatiently(parts, backend, copy, options))
  }
}

/** A fault that passes does not make a copy a bad one; where it stays, the backend is asked whether it is there. */
async function readPatiently(
  { services }: ValidateParts,
  backend: StorageBackend,
  copy: BackendCopy,
  options: ReadOptions,
): Promise<CopyRead> {
  const { signal } = options
  const { algorithm } = splitBlobId(copy.id)
  for (let tries = 1; ; tries += 1) {
    try {
      const hasher = () => services.hashers.create(algorithm as IdAlgorithm)
      return await readThrough(backend, copy, hasher, options)
    } catch (error) {
      throwIfAborted(signal)
      const fault = toStoredError(error)
      if (fault.code === "CLOSED") throw fault
      if (fault.code === "NOT_FOUND") return { type: "absent" }
      const mayPass = fault.retryable && !isUnreadable(fault)
      if (!mayPass || tries >= TRIES) {
        if (mayPass) await backend.healthCheck({ signal })
        return { type: "unreadable", error: fault }
      }
      await sleep(FIRST_DELAY * 2 ** (tries - 1), undefined, { signal }).catch(() => throwIfAborted(signal))
    }
  }
}

async function readThrough(
  backend: StorageBackend,
  { key }: BackendCopy,
  hasher: () => ReturnType<ValidateParts["services"]["hashers"]["create"]>,
  options: ReadOptions,
): Promise<CopyRead> {
  const { signal } = options
  const before = await statFile(backend, key, signal)
  if (!before) return { type: "absent" }
  const running = hasher()
  const bytes = await readStream(await backend.get(key, { signal }), running, options)
  const after = await statFile(backend, key, signal)
  if (!after) return { type: "absent" }
  if (!isSameState(before, after)) return { type: "moving", size: after.size }
  return { type: "read", by: "read-back", hex: running.digest(), state: after, bytes }
}

/** Null where no file is. */
async function statFile(backend: StorageBackend, key: string, signal: AbortSignal): Promise<BackendStat | null> {
  try {
    return await backend.stat(key, { signal })
  } catch (error) {
    if (isStoredError(error) && error.code === "BACKEND_REFUSED") return null
    throw error
  }
}
