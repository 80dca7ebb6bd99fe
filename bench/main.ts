/**
 * The benchmark: StoreD beside its peers and beside the physical limit, in one run.
 *
 *     npm run bench -- [--only put-small,get] [--rounds 5] [--quick] [--dir DIRECTORY] [--json FILE]
 *
 * Prints the machine's facts and one table a comparison, on standard output as Markdown; progress goes to standard error. Works in a new
 * directory inside DIRECTORY (default: the system's temporary one) and removes it at the end. Needs some 30 GB there (doors: 55 GB), 2 GB with --quick.
 */
import { rmSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { doors } from "./doors.ts"
import { getSubject } from "./get.ts"
import { machine } from "./machine.ts"
import { pool } from "./pool.ts"
import { putLarge } from "./put-large.ts"
import { putSmall } from "./put-small.ts"
import { s3 } from "./s3.ts"
import { scan } from "./scan.ts"
import { statList } from "./stat-list.ts"
import type { Section, Subject } from "./subject.ts"
import { syncTree } from "./sync-tree.ts"
import { formatSection, formatVerdict } from "./table.ts"
import { validate } from "./validate.ts"

const SUBJECTS: Subject[] = [putSmall, putLarge, getSubject, statList, syncTree, pool, s3, scan, validate, doors]
const ROUNDS = 5
const QUICK_ROUNDS = 1

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    dir: { type: "string", default: tmpdir() },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
})

if (values.help) {
  process.stdout.write("npm run bench -- [--only NAMES] [--rounds N] [--quick] [--dir DIRECTORY] [--json FILE]\n\n")
  for (const { name, about } of SUBJECTS) process.stdout.write(`${name.padEnd(10)} ${about}\n`)
} else {
  await main(chooseSubjects(values.only), chooseRounds(values.rounds))
}

async function main(subjects: Subject[], rounds: number): Promise<void> {
  const directory = await mkdtemp(join(values.dir, "stored-bench-"))
  const abandon = (): void => {
    rmSync(directory, { recursive: true, force: true })
    process.exit(130)
  }
  process.once("SIGINT", abandon).once("SIGTERM", abandon)
  try {
    const facts = await machine(directory)
    print(`# Benchmark of StoreD${values.quick ? " (quick: the figures mean little)" : ""}\n`)
    for (const [name, fact] of Object.entries(facts)) print(`- ${name}: ${fact}`)
    print(`- rounds: ${rounds}, after one of warm-up\n`)
    const sections: Section[] = []
    const say = (line: string): void => void process.stderr.write(`${line}\n`)
    for (const subject of subjects) {
      for (const section of await subject.measure({ directory, rounds, quick: values.quick, say })) {
        sections.push(section)
        print(formatSection(section))
      }
    }
    print(formatVerdict(sections))
    if (values.json) await writeFile(values.json, JSON.stringify({ machine: facts, rounds, sections }, null, 2))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function chooseSubjects(only: string | undefined): Subject[] {
  if (only === undefined) return SUBJECTS
  return only.split(",").map((name) => {
    const subject = SUBJECTS.find((candidate) => candidate.name === name)
    if (subject) return subject
    return refuse(`There is no subject "${name}"; choose from ${SUBJECTS.map((each) => each.name).join(", ")}.`)
  })
}

function chooseRounds(text: string | undefined): number {
  if (text === undefined) return values.quick ? QUICK_ROUNDS : ROUNDS
  const rounds = Number(text)
  return Number.isSafeInteger(rounds) && rounds > 0
    ? rounds
    : refuse(`--rounds is "${text}"; give a whole number from 1.`)
}

function refuse(sentence: string): never {
  process.stderr.write(`${sentence}\n`)
  process.exit(2)
}
