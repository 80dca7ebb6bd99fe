/** What rclone says, as errors of the house. It has no codes but "not found"; its words are those of the remote's server. */
import {
  type ErrorCode,
  isStoredError,
  NotFoundError,
  PermanentAdapterError,
  type StoredError,
  TransientAdapterError,
} from "../../core/error.ts"

const PERMANENT: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [/rclone: (not found|No such file)/i, "INVALID_CONFIG", "install rclone where this process runs"],
  [
    /didn't find section|didn't find backend|unsupported protocol|knownhosts|host key/i,
    "INVALID_CONFIG",
    "correct the settings",
  ],
  [
    /permission denied|access denied|forbidden|\b40[13]\b|unauthor|unable to authenticate|couldn't decrypt/i,
    "PERMISSION_DENIED",
    "correct the credentials or the rights",
  ],
  [/no space left|insufficient storage|\b507\b|quota/i, "BACKEND_FULL", "make room on the remote"],
  [/name too long|\b414\b/i, "BACKEND_REFUSED", "the remote takes no such long name"],
]

/** @param secrets what is taken out of the message */
export function rcloneError(said: string, secrets: readonly string[], status = 500): StoredError {
  let text = said
  for (const secret of secrets) if (secret) text = text.replaceAll(secret, "***")
  if (status === 404 || /is a directory|is a file not a directory|not a regular file/.test(text))
    return new NotFoundError(`There is no such file: ${text}.`)
  const row = PERMANENT.find(([words]) => words.test(text))
  if (row) return new PermanentAdapterError(row[1], `rclone failed: ${text}; ${row[2]}.`)
  const details = { ...(/\b423\b/.test(text) && { locked: true }), ...(/\b400\b/.test(text) && { badRequest: true }) }
  return new TransientAdapterError(`rclone failed: ${text}.`, { details })
}

/** Whether a server did not understand what it was asked: some say so of whatever lies below a file. */
export function isBadRequest(error: unknown): boolean {
  return isStoredError(error) && error.details.badRequest === true
}

/** Whether a WebDAV server refused because something else is done at that place, or above it, at this moment. */
export function isLocked(error: unknown): boolean {
  return isStoredError(error) && error.details.locked === true
}
