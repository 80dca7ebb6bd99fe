/** What a user may set for an rclone backend, and how rclone is told: by environment, so that nothing stands on a command line. */
import { createCipheriv, randomBytes } from "node:crypto"
import * as z from "zod"
import { keyTemplateSchema } from "../../core/key-template.ts"
import { rateLimitSchema } from "../../core/rate-limit.ts"
import { backendModeSchema, scanSchema } from "../../core/scan-settings.ts"
import { resolveSecret } from "../../core/secret-reference.ts"
import { validateSchema } from "../../core/validate-settings.ts"

/** options that rclone wants obscured */
const PASSWORDS = ["pass", "password", "password2", "key_file_pass", "file_password", "folder_password", "api_password"]
/** further options that are secrets; any of them may be `env:NAME` or `file:PATH` */
const SECRETS = [
  ...[
    ...PASSWORDS,
    "token",
    "client_secret",
    "key",
    "key_pem",
    "sas_url",
    "bearer_token",
    "access_token",
    "auth_token",
  ],
  ...["access_key_id", "secret_access_key", "session_token", "service_account_credentials", "api_key", "refresh_token"],
]
const LOOKS_SECRET = /pass|secret|token|(^|_)key$|sas_|headers|credential|authorization|2fa|sse_customer/
const HARMLESS = /_url$|_file$|_expiry$|^ask_password$/
/** key of rclone's `obscure`, which hides and does not protect; the same in every rclone */
const OBSCURE_KEY = Buffer.from("9c935b48730a554d6bfd7c63c886a92bd390198eb8128afbf4de162b8b95f638", "hex")

const option = z.string().regex(/^[a-z0-9_]+$/, "name rclone's option as its documents do, such as key_file")
const config = z.record(option, z.union([z.string(), z.number(), z.boolean()])).superRefine((options, context) => {
  const complain = (path: string, message: string): void => context.addIssue({ code: "custom", path: [path], message })
  if (typeof options.type !== "string") complain("type", "name the kind of remote, such as sftp or webdav")
  for (const name of Object.keys(options)) {
    if (name === "ssh" || name.endsWith("_command")) complain(name, "it runs a program; set it in a configFile")
    else if (!SECRETS.includes(name) && LOOKS_SECRET.test(name) && !HARMLESS.test(name))
      complain(name, "it may be a secret, and would not be kept as one; set it in a configFile")
    if (SECRETS.includes(name) && typeof options[name] !== "string") complain(name, "a secret is a text")
  }
})

export const rcloneSchema = z
  .strictObject({
    driver: z.literal("rclone"),
    remote: z
      .string()
      .regex(/^\w+:[^\]]*$/, "give it as name:path; the name of letters, digits and _, the path without ]"),
    /** the remote's options, as rclone's documents name them; absent: the remote stands in the config file */
    config: config.optional(),
    /** absent: rclone's own */
    configFile: z.string().min(1).optional(),
    watch: z.literal(false, "remotes of rclone cannot be watched; leave it out").optional(),
    concurrency: z.int().min(1).max(256).optional(),
    rateLimit: rateLimitSchema.optional(),
    keyTemplate: keyTemplateSchema.optional(),
    mode: backendModeSchema.optional(),
    scan: scanSchema.optional(),
    validate: validateSchema.optional(),
  })
  .refine((settings) => !settings.config || !settings.configFile, "give config or configFile, not both")

export type RcloneSettings = z.output<typeof rcloneSchema>

export const RCLONE_SECRET_FIELDS: readonly string[] = SECRETS.map((name) => `config.${name}`)

/** Variables that make the remote known to rclone, and the secrets among them, to be kept out of messages. @throws StoredError SECRET_UNAVAILABLE */
export async function toEnvironment({ remote, config, configFile }: RcloneSettings) {
  const secrets: string[] = []
  // Not the user's own remotes where this one is described here; rclone takes a missing file for an empty one.
  const environment: Record<string, string> = config ? { RCLONE_CONFIG: "/dev/null" } : {}
  if (configFile !== undefined) environment.RCLONE_CONFIG = configFile
  for (const [name, value] of Object.entries(config ?? {})) {
    const isSecret = SECRETS.includes(name)
    const given = isSecret ? await resolveSecret(String(value), `config.${name}`) : String(value)
    const text = PASSWORDS.includes(name) ? obscure(given) : given
    if (isSecret) secrets.push(given, text)
    environment[`RCLONE_CONFIG_${remote.slice(0, remote.indexOf(":"))}_${name}`.toUpperCase()] = text
  }
  return { environment, secrets }
}

function obscure(text: string): string {
  const vector = randomBytes(16)
  const cipher = createCipheriv("aes-256-ctr", OBSCURE_KEY, vector)
  return Buffer.concat([vector, cipher.update(text, "utf8"), cipher.final()]).toString("base64url")
}
