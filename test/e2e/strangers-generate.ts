/** To be run by itself, with the address of a document, a folder, and the path of the TypeScript library that @hey-api/openapi-ts is to write by. */
import { registerHooks } from "node:module"

const [document, folder, library] = process.argv.slice(2)
const typescript = `import { createRequire } from "node:module"
export default createRequire(${JSON.stringify(library)})(${JSON.stringify(library)})`
registerHooks({
  resolve: (name, context, next) =>
    name === "typescript"
      ? { url: `data:text/javascript,${encodeURIComponent(typescript)}`, shortCircuit: true }
      : next(name, context),
})

const { createClient } = await import("@hey-api/openapi-ts")
await createClient({
  input: document!,
  output: { path: folder!, module: { extension: ".ts" } },
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
  logs: { level: "silent", file: false },
})
