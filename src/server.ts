/** The entry of `npm start`: only wires. What it does stands in `api/run-server.ts`; where it cannot start, one line a mistake says why. */
import "./thread-pool.ts"
import { parseEnvironment } from "./api/environment.ts"
import { runServer } from "./api/run-server.ts"
import { withServerFlags } from "./api/server-flags.ts"
import { exitCode } from "./cli/exit-code.ts"
import { faultLines } from "./cli/fault.ts"
import { openServed } from "./compose.ts"

try {
  await runServer(parseEnvironment(withServerFlags(process.argv.slice(2), process.env)), openServed)
} catch (error) {
  process.stderr.write(faultLines(error))
  process.exit(exitCode(error))
}
