/** The twin in memory, which stands in for Redis in tests of what uses a transport. */
import { MemoryTransport } from "../unit/memory-transport.ts"
import { transportSuite } from "./transport.suite.ts"

transportSuite("memory", async () => {
  const transport = new MemoryTransport()
  return {
    transport,
    intakes: transport,
    wipe: async () => transport.wipe(),
    end: async () => transport.close(),
  }
})
