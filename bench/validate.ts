/**
 * Copies read again (`stored validate`): all files of a folder that the catalog knows, beside `xargs -P2 sha256sum` of the same files (the limit), in the same round; with the
 * memory that it takes. Syncs there are none; at full speed, as a validation that somebody asks for.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { run, shell } from "./command.ts"
import { STARTED } from "./limits.ts"
import { type Contender, find, interleave, type Measured, median, ratio, timed } from "./measure.ts"
import { writeScanTree } from "./scan-tree.ts"
import type { Bench, Claim, Section, Subject } from "./subject.ts"

const CHILD = fileURLToPath(new URL("validate-child.ts", import.meta.url))
const OURS = "StoreD validate, fs"
const LIMIT = "limit: find, xargs -P2 sha256sum"
const MEMORY = `${OURS}: memory above idle`
const MOST_MEMORY = 209_715_200

interface Folder {
  root: string
  files: number
  bytes: number
}

export const validate: Subject = {
  name: "validate",
  about: "copies read again, beside sha256sum",
  measure: async (bench: Bench): Promise<Section[]> => {
    bench.say("validate: writing the tree")
    const root = join(bench.directory, "validate-tree")
    const tree = { root, ...(await writeScanTree(root, bench.quick ? 1_000 : 20_000)) }
    const title = `validate of ${tree.files} files, ${(tree.bytes / 1e6).toFixed(0)} MB`
    const contenders = [limit(tree), ours(bench, tree)]
    const measured = await interleave(contenders, { ...bench, progress: (line) => bench.say(`${title}: ${line}`) })
    await rm(root, { recursive: true, force: true })
    return [{ title, measured, claims: claims(measured) }]
  },
}

function claims(measured: Measured[]): Claim[] {
  const memory = median(find(measured, MEMORY).rates) * 1e6
  return [
    { text: `time of ${OURS} / ${LIMIT}`, value: ratio(measured, LIMIT, OURS), unit: "×" },
    { text: `${MEMORY}, of 200 MiB`, value: memory / MOST_MEMORY, unit: "×", goal: { atMost: 1 } },
  ]
}

function limit({ root, bytes }: Folder): Contender {
  const line = 'find "$1" -type f -print0 | xargs -0 -P2 -n 256 sha256sum > /dev/null'
  return {
    name: LIMIT,
    unit: "MB/s",
    run: async () => ({ rate: bytes / 1e6 / (await timed(() => shell(line, root))) }),
  }
}

/** In a process of its own, with the folder in its catalog when the time begins. */
function ours(bench: Bench, { root, files, bytes }: Folder): Contender {
  return {
    name: OURS,
    unit: "MB/s",
    run: async () => {
      const data = await mkdtemp(join(bench.directory, "validate-data-"))
      try {
        const { seconds, memory } = JSON.parse(
          await run(process.execPath, [...STARTED, CHILD, data, root, String(files)]),
        )
        return { rate: bytes / 1e6 / seconds, also: { [MEMORY]: memory / 1e6 } }
      } finally {
        await rm(data, { recursive: true, force: true })
      }
    },
  }
}
