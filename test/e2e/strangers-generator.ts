/** A client in TypeScript that is made from the OpenAPI document of a running server, by a generator of others. */
import { realpath } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { provideProgram, run } from "../programs.ts"

const GENERATE = fileURLToPath(new URL("strangers-generate.ts", import.meta.url))
/** Not the one that the project is checked with: from TypeScript 7 on there is no library for JavaScript any more, by which the generator writes its code. */
const COMPILER = "/usr/bin/tsc"

export function provideGenerator(): Promise<void> {
  return provideProgram(COMPILER, ["--version"], "node-typescript")
}

/** Writes the client into a folder. @param document address of the OpenAPI document */
export async function generateClient(document: string, folder: string): Promise<void> {
  const library = join(dirname(await realpath(COMPILER)), "..", "lib", "typescript.js")
  await run(process.execPath, [GENERATE, document, folder, library], { timeout: 120_000 })
}
