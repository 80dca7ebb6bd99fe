/** Validations of a test, waited for; and bits that rot. */
import { open, readdir, readFile, stat, utimes } from "node:fs/promises"
import { join } from "node:path"
import type { OpenedStore } from "../../src/compose.ts"
import type { ValidateOptions, ValidateStatus } from "../../src/store/store.ts"

type Opened = Pick<OpenedStore, "store" | "services">

/** Validates a place to the end, and until what was found bad is brought back as far as it can be. */
export async function validated(opened: Opened, name: string, options: ValidateOptions = {}): Promise<ValidateStatus> {
  const over = ended(opened, name)
  await opened.store.validate(name, options)
  await over
  await opened.store.idle()
  return opened.store.validateStatus(name)
}

/** Resolves with the state once a validation of that place is not under way any more; asked for before it is begun. */
export function ended({ store }: Pick<Opened, "store">, name: string, kind = "asked"): Promise<string> {
  return new Promise((resolve) => {
    const stop = store.on("validate", ({ backend, kind: which, state }) => {
      if (backend !== name || kind !== which || state === "running") return
      stop()
      resolve(state)
    })
  })
}

/** Flips a bit in place; the times of the file stay or, where it is an edit, are others. */
export async function flipBit(path: string): Promise<void> {
  const { mtime, atime } = await stat(path)
  const file = await open(path, "r+")
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, 0)
  await file.write(Buffer.from([byte[0]! ^ 1]), 0, 1, 0)
  await file.close()
  await utimes(path, atime, mtime)
}

/**
 * A disk that gives back other bytes changes no times, which no test can do: a write always changes the time of the last change, and with it the etag. So the
 * catalog is told that what lies there now is what it saw.
 */
export async function rot(opened: Opened, backend: string, key: string, path: string): Promise<void> {
  await flipBit(path)
  const { catalog, backends } = opened.services
  const location = catalog.location(backend, key)!
  const seen = (await backends.get(backend).backend.stat(key))!
  await catalog.validations.take({
    place: backend,
    kind: "asked",
    number: -1,
    copies: [{ key, generation: location.generation, bytes: 0, verdict: { type: "good", by: "checksum", seen } }],
    time: 1,
  })
}

/** What lies in quarantine, by name. */
export async function quarantined({ services }: Pick<Opened, "services">): Promise<Record<string, string>> {
  const { data } = services.config
  const directory = join(data, "staging", "quarantine")
  const kept: Record<string, string> = {}
  for (const name of await readdir(directory)) kept[name] = await readFile(join(directory, name), "latin1")
  return kept
}
