/**
 * What the threads of `ChecksumPool` run, each with hashers of its own. Every export takes one task that can be cloned and answers
 * with `{ ok }`; nothing here throws across the thread's border. An abort ends the thread, so no signal comes in.
 */
import { hashFile as hash } from "../src/checksums/hash-file.ts"
import { hashFiles as hashAll } from "../src/checksums/hash-files.ts"
import { createHashers } from "../src/checksums/hashers.ts"
import { answering } from "../src/checksums/thread-answer.ts"
import { stageFile as stage } from "../src/staging/stage-file.ts"

const hashers = await createHashers()

export const hashFile = answering((task: Parameters<typeof hash>[0]) => hash(task, hashers))
export const hashFiles = answering(async (task: Parameters<typeof hashAll>[0]) => hashAll(task, hashers))
export const stageFile = answering((task: Parameters<typeof stage>[0]) => stage(task, hashers))
