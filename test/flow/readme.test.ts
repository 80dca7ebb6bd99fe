/** The first commands of the README, as a newcomer types them one after the other. */
import { execFile } from "node:child_process"
import { copyFile, readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, test } from "vitest"
import packageFacts from "../../package.json" with { type: "json" }
import { temporaryDirectory } from "./open-store.ts"
import { startProcess } from "./server-process.ts"

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL("../..", import.meta.url))
const ADDRESS = "http://127.0.0.1:7070"

const readme = await readFile(join(ROOT, "README.md"), "utf8")
const blocks = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block!)

test("the put, the get and the list do what they say", async () => {
  const folder = await temporaryDirectory()
  await copyFile(join(ROOT, "README.md"), join(folder, "README.md"))
  const server = await startProcess({ STORED_DATA: join(folder, "data") })
  const commands = blocks.find((block) => block.includes("curl -T"))!
  // The words after `npm run stored --` are those of the command; npm itself is not what is tried here.
  const script = commands
    .replaceAll(ADDRESS, server.url)
    .replace("npm run stored --", `'${process.execPath}' '${join(ROOT, "src/cli/main.ts")}'`)
  const { stdout } = await run("sh", ["-euc", script], { cwd: folder })
  expect(stdout).toContain('"key":"docs/readme.md"')
  expect(stdout).toMatch(/ {2}docs\/readme\.md\n$/)
  expect(await readFile(join(folder, "copy.md"), "utf8")).toBe(readme)
  expect(commands.match(new RegExp(ADDRESS, "g"))!.length).toBeGreaterThan(3)
  await server.end()
})

test("every script of npm that it names is there, and the test command is that of continuous integration", async () => {
  const scripts = [...readme.matchAll(/\bnpm run ([a-z]+)/g)].map(([, name]) => name)
  expect(scripts.length).toBeGreaterThan(5)
  for (const name of new Set(scripts)) expect(packageFacts.scripts).toHaveProperty(name!)
  expect(readme).toMatch(/^npm ci && npm test /m)
  expect(readme).toContain(`./stored-${packageFacts.version}.tgz`)
})
