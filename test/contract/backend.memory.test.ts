import { MemoryBackend } from "../../src/backends/memory.ts"
import { MIB } from "./backend/harness.ts"
import { backendSuite, hashers } from "./backend.suite.ts"

backendSuite({
  name: "memory",
  largest: { size: 64 * MIB, reason: "it is held in memory" },
  make: async () => {
    const backend = new MemoryBackend({ hashers })
    await backend.open()
    return { backend, dispose: () => backend.close(), litter: async () => [] }
  },
})
