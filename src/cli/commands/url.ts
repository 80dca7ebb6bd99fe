/** `stored url <key> [--expires 1h]`: an address with which somebody without a token reads, or with `--put` writes, this one object for a while. */
import type { Command } from "commander"
import { parseByteSize } from "../../core/byte-size.ts"
import { StoredError } from "../../core/error.ts"
import type { SignedUrlOptions } from "../../store/store.ts"
import { type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"

interface UrlCommandOptions extends GlobalOptions {
  expires?: string
  put?: boolean
  maxSize?: string
  contentHash?: string
  once?: boolean
  download?: string | true
  base?: string
  revokeAll?: boolean
}

export function urlCommand(program: Command, line: CommandLine): void {
  program
    .command("url")
    .description("sign an address with which somebody without a token reads or writes one object for a while")
    .argument("[idOrKey]")
    .option("-e, --expires <time>", "how long it holds, such as 10min, 1h, 7d; absent: 1h")
    .option("--put", "to write rather than to read")
    .option("--max-size <size>", "with --put: at most so many bytes, such as 10MB")
    .option("--content-hash <checksum>", "only this content, such as sha256:…")
    .option("--once", "with --put: refused where the key exists")
    .option("--download [name]", "saved rather than shown, under this name or its own")
    .option("--base <url>", "of the server; absent: STORED_URL")
    .option("--revoke-all", "make every address that was signed until now worthless")
    .action((name: string | undefined, _options: unknown, command: Command) =>
      run(line, name, command.optsWithGlobals()),
    )
}

async function run(line: CommandLine, name: string | undefined, options: UrlCommandOptions): Promise<void> {
  if ((name === undefined) !== (options.revokeAll === true))
    throw new StoredError("INVALID_INPUT", "Name an object, or give --revoke-all alone.")
  const wanted = await signedUrlOptions(options)
  await withAccess(line, options, async (access) => {
    if (name === undefined) {
      await access.revokeSignedUrls()
      return print(line, options, { revoked: true }, () => "every address that was signed until now is worthless")
    }
    const signed = await access.signedUrl(name, wanted)
    print(line, options, signed, () => signed.url)
  })
}

/** @throws StoredError INVALID_INPUT */
async function signedUrlOptions(options: UrlCommandOptions): Promise<SignedUrlOptions> {
  // With the schemas beside it, it takes longer to load than everything else here.
  const { parseDuration } = await import("../../core/scan-settings.ts")
  const { expires, put, maxSize, contentHash, once, download, base } = options
  const time = expires === undefined ? undefined : parseDuration(expires)
  if (time === null) throw new StoredError("INVALID_INPUT", `"${expires}" is not a time; give one such as 1h or 7d.`)
  const size = maxSize === undefined ? undefined : parseByteSize(maxSize)
  if (size === null) throw new StoredError("INVALID_INPUT", `"${maxSize}" is not a size; give one such as 10MB.`)
  return {
    ...(put && { method: "PUT" }),
    ...(time !== undefined && { expires: Math.max(1, Math.floor(time / 1000)) }),
    ...(size !== undefined && { maxSize: size }),
    ...(contentHash !== undefined && { contentHash }),
    ...(once && { ifAbsent: true }),
    ...(download !== undefined && { download }),
    ...(base !== undefined && { base }),
  }
}
