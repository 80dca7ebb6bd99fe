/** Secrets that stand in the settings, or where the settings say that they stand. Read anew at every `open`; never part of a message. */
import { resolveSecret } from "../../core/secret-reference.ts"
import type { S3Settings } from "./settings.ts"

export interface ResolvedCredentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}

/** The credentials, or null where the SDK finds its own. @throws StoredError SECRET_UNAVAILABLE where a reference leads nowhere */
export async function resolveCredentials({
  credentials: { accessKeyId, secretAccessKey, sessionToken },
}: Pick<S3Settings, "credentials">): Promise<ResolvedCredentials | null> {
  if (accessKeyId === undefined || secretAccessKey === undefined) return null
  return {
    accessKeyId: await resolveSecret(accessKeyId, "credentials.accessKeyId"),
    secretAccessKey: await resolveSecret(secretAccessKey, "credentials.secretAccessKey"),
    ...(sessionToken !== undefined && {
      sessionToken: await resolveSecret(sessionToken, "credentials.sessionToken"),
    }),
  }
}
