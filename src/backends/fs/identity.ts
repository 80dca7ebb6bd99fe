/**
 * Which directory a root is, so that it is known again after a restart: a disk that is not mounted leaves another directory under the same path, where new copies would
 * be taken for safe and old ones for lost.
 *
 * A root that can be written bears a marker, an empty directory with a random name in the driver's own: it goes where the files are copied to, and no sweep takes it
 * away. Inode and time of birth of the root itself tell as well, where there is no marker, or where somebody has removed it.
 */
import { randomUUID } from "node:crypto"
import { lstat, opendir, stat, statfs } from "node:fs/promises"
import { join } from "node:path"
import * as z from "zod"
import { TransientAdapterError } from "../../core/error.ts"
import type { JsonObject } from "../../core/json.ts"
import type { ExpectedPlace } from "../backend.ts"
import { errorCode, isAbsence, mkdir } from "./calls.ts"
import { fsError } from "./error.ts"
import { TEMPORARY } from "./place.ts"
import { syncDirectory } from "./sync-directory.ts"

const MARKER = /^root-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/
/** File systems (linux/magic.h) that number their files anew at every mount: FUSE, FAT, exFAT, 9p, overlay. */
const RENUMBERED = new Set([0x65735546, 0x4d44, 0x2011bab0, 0x01021997, 0x794c7630])

const schema = z.object({
  /** name of the marker */
  marker: z.string().regex(MARKER).optional(),
  /** of the root directory, where its file system keeps it */
  inode: z.string().optional(),
  /** when the root directory was made, ns, where its file system keeps that */
  born: z.string().optional(),
  /** of its file system */
  kind: z.number().optional(),
})

export type RootIdentity = z.output<typeof schema>

/** @param path of the root, which is there. @throws StoredError BACKEND_UNAVAILABLE where it is not the expected one */
export async function requireRoot(path: string, { as, identity }: ExpectedPlace): Promise<void> {
  if (as !== "known") return
  const known = readIdentity(identity)
  if (known && !(await isRoot(path, known))) throw wrongRoot(path, "is another directory than the one that it was")
  if (!known && !(await holdsSomething(path))) throw wrongRoot(path, "is empty, but copies should be there")
}

/** Whether it is the directory that it was: by its marker, else by itself. */
export async function isRoot(path: string, known: RootIdentity): Promise<boolean> {
  return (known.marker !== undefined && (await hasMarker(path, known.marker))) || isSame(known, await traits(path))
}

/** Which directory it is; marks it where that is allowed. It has been found to be the expected one. */
export async function identifyRoot(
  path: string,
  { as, identity }: ExpectedPlace,
  { writable, durable }: { writable: boolean; durable: boolean },
): Promise<RootIdentity> {
  const known = as === "known" ? readIdentity(identity) : null
  let marker = known?.marker ?? (await markersOf(path))[0]
  if (writable) {
    marker ??= `root-${randomUUID()}`
    await mark(path, marker, durable)
  }
  return { ...(marker !== undefined && { marker }), ...(await traits(path)) }
}

/** What is kept of an earlier opening; null where that is nothing that could be told by. */
function readIdentity(identity: JsonObject | null): RootIdentity | null {
  const { data } = schema.safeParse(identity)
  return data && (data.marker ?? data.inode ?? data.born) !== undefined ? data : null
}

async function traits(path: string): Promise<RootIdentity> {
  const { ino, birthtimeNs } = await stat(path, { bigint: true })
  const { type } = await statfs(path)
  return {
    kind: type,
    ...(!RENUMBERED.has(type) && { inode: ino.toString() }),
    ...(birthtimeNs > 0n && { born: birthtimeNs.toString() }),
  }
}

/** By what both have. A file system alone says nothing. */
function isSame(known: RootIdentity, found: RootIdentity): boolean {
  const told = (["inode", "born"] as const).filter((each) => known[each] !== undefined && found[each] !== undefined)
  return told.length > 0 && known.kind === found.kind && told.every((each) => known[each] === found[each])
}

async function mark(path: string, marker: string, durable: boolean): Promise<void> {
  try {
    await mkdir(join(path, TEMPORARY, marker))
  } catch (error) {
    if (errorCode(error) === "EEXIST") return
    throw error
  }
  if (durable) await syncDirectory(join(path, TEMPORARY))
}

async function hasMarker(path: string, marker: string): Promise<boolean> {
  try {
    return (await lstat(join(path, TEMPORARY, marker))).isDirectory()
  } catch (error) {
    if (isAbsence(error)) return false
    throw fsError(error, `reach the root "${path}"`)
  }
}

async function markersOf(path: string): Promise<string[]> {
  const markers: string[] = []
  for await (const name of namesIn(join(path, TEMPORARY))) if (MARKER.test(name)) markers.push(name)
  return markers.sort()
}

/** Anything that is not the driver's own, or a marker. */
async function holdsSomething(path: string): Promise<boolean> {
  for await (const name of namesIn(path)) if (name !== TEMPORARY) return true
  return (await markersOf(path)).length > 0
}

async function* namesIn(path: string): AsyncGenerator<string> {
  try {
    for await (const { name } of await opendir(path)) yield name
  } catch (error) {
    if (!isAbsence(error)) throw fsError(error, `reach the root "${path}"`)
  }
}

function wrongRoot(path: string, reason: string): TransientAdapterError {
  return new TransientAdapterError(
    `The root "${path}" ${reason}; mount its disk. If this is its place from now on, as after a restore, say so: stored backends test NAME --accept.`,
    { details: { root: path } },
  )
}
