/** `stored tokens create|list|show|rotate|revoke`: who may use the store by HTTP. A secret is shown once, when it is made. */
import type { Command } from "commander"
import type { Scope } from "../../core/access.ts"
import { StoredError } from "../../core/error.ts"
import type { IssuedToken, TokenInfo, TokenSettings } from "../../store/store.ts"
import { type Access, type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { describeToken, describeTokenBriefly } from "../describe-token.ts"
import { safe } from "../format.ts"
import { readCount } from "../option-values.ts"

interface CreateOptions extends GlobalOptions {
  scope: Scope[]
  prefix?: string[]
  backend?: string[]
  expires?: string
  rate?: number
  burst?: number
  quotaBytes?: string
  quotaObjects?: number
}

export function tokensCommand(program: Command, line: CommandLine): void {
  const tokens = program
    .command("tokens")
    .description("who may use the store by HTTP; from the first token on, every request needs one")
  tokens
    .command("create")
    .description("make a token; its secret is shown this once")
    .argument("<name>", "for people")
    .requiredOption("--scope <scope>", "what it may do: read, write, admin or worker; can be given again", gather)
    .option("--prefix <prefix>", 'what it may touch: a folder that ends in "/", or one key; again (every key)', gather)
    .option("--backend <name>", "a backend that it may use; can be given again (every one)", gather)
    .option("--expires <time>", "how long it is good for, such as 90d (until it is revoked)")
    .option("--rate <number>", "requests a second (no limit)", readRate)
    .option("--burst <number>", "requests at once after a rest (those of a second)", readCount)
    .option("--quota-bytes <size>", "bytes that may lie under its prefixes, such as 10GB (no limit)")
    .option("--quota-objects <number>", "objects that may lie there (no limit)", readCount)
    .action((name: string, _options: unknown, command: Command) => create(line, name, command.optsWithGlobals()))
  tokens
    .command("list")
    .alias("ls")
    .description("list tokens, revoked ones too")
    .action((_options: unknown, command: Command) => list(line, command.optsWithGlobals()))
  tokens
    .command("show")
    .description("show one token, and how much of its quota is used")
    .argument("<id>")
    .action((id: string, _options: unknown, command: Command) =>
      tell(line, command.optsWithGlobals(), async (access) => access.tokens.get(id)),
    )
  tokens
    .command("rotate")
    .description("give a token another secret, which is shown this once")
    .argument("<id>")
    .option("--overlap <time>", "how long the secret before goes on working, such as 24h (not at all)")
    .action((id: string, _options: unknown, command: Command) => rotate(line, id, command.optsWithGlobals()))
  tokens
    .command("revoke")
    .description("from now on a token is good for nothing")
    .argument("<id>")
    .action((id: string, _options: unknown, command: Command) =>
      tell(line, command.optsWithGlobals(), (access) => access.tokens.revoke(id)),
    )
}

/** An option that can be given again. */
function gather(value: string, before: string[] = []): string[] {
  return [...before, value]
}

/** @throws StoredError INVALID_INPUT */
function readRate(text: string): number {
  if (/^\d{1,7}(\.\d{1,3})?$/.test(text)) return Number(text)
  throw new StoredError("INVALID_INPUT", `"${text}" is not a number of requests a second.`)
}

async function create(line: CommandLine, name: string, options: CreateOptions): Promise<void> {
  const settings = settingsOf(name, options)
  await withAccess(line, options, async (access) => issue(line, options, await access.tokens.create(settings)))
}

function settingsOf(name: string, options: CreateOptions): TokenSettings {
  const { scope, prefix, backend, expires, rate, burst, quotaBytes, quotaObjects } = options
  if (burst !== undefined && rate === undefined)
    throw new StoredError("INVALID_INPUT", "--burst goes with --rate; say how many requests a second.")
  const quota = {
    ...(quotaBytes !== undefined && { bytes: quotaBytes }),
    ...(quotaObjects !== undefined && { objects: quotaObjects }),
  }
  return {
    name,
    scopes: scope,
    ...(prefix && { prefixes: prefix }),
    ...(backend && { backends: backend }),
    ...(expires !== undefined && { expiresIn: expires }),
    ...(rate !== undefined && { rate: { perSecond: rate, ...(burst !== undefined && { burst }) } }),
    ...(Object.keys(quota).length > 0 && { quota }),
  }
}

async function rotate(line: CommandLine, id: string, options: GlobalOptions & { overlap?: string }): Promise<void> {
  const { overlap } = options
  await withAccess(line, options, async (access) =>
    issue(line, options, await access.tokens.rotate(id, overlap === undefined ? {} : { overlap })),
  )
}

/** The secret alone on stdout, so that `$(…)` takes it; what it is goes to stderr. */
function issue(line: CommandLine, options: GlobalOptions, issued: IssuedToken): void {
  print(line, options, issued, () => issued.token)
  if (!options.json)
    line.stderr.write(`${safe(describeTokenBriefly(issued, Date.now()))}\nKeep it: it is not shown again.\n`)
}

async function list(line: CommandLine, options: GlobalOptions): Promise<void> {
  await withAccess(line, options, async (access) => {
    for (const token of await access.tokens.list())
      print(line, options, token, () => safe(describeTokenBriefly(token, Date.now())))
  })
}

async function tell(
  line: CommandLine,
  options: GlobalOptions,
  ask: (access: Access) => Promise<TokenInfo>,
): Promise<void> {
  await withAccess(line, options, async (access) => {
    const token = await ask(access)
    print(line, options, token, () => describeToken(token, Date.now()))
  })
}
