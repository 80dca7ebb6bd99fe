import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

// Hundreds of processes are started: each compiles half as long where the one before it has left what it made of the sources.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("node_modules/.cache/compile", import.meta.url))

/** One configuration for every test. Forks, because lmdb is a native addon and each file gets a process of its own. */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // One less than there are cores would be one of two; but most tests wait for disks and other processes.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    globalSetup: ["test/s3-run.ts"],
    // What is waited for comes or does not, however slow the machine is.
    expect: { poll: { timeout: 20_000 } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
