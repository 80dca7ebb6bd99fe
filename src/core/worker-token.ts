/**
 * The secret that a server and its workers share, as a variable says it: the token itself, or `file:PATH` of a file that holds it. It is never
 * part of a message.
 */
import { readFileSync } from "node:fs"
import * as z from "zod"

const RULE = "expected at least 16 characters without spaces, or file:PATH of a file that holds them"
/** What a header carries as it is. */
const TOKEN = /^[\x21-\x7e]{16,1024}$/

export const workerTokenSchema = z.string().transform((text, context): string => {
  try {
    const token = text.startsWith("file:") ? readFileSync(text.slice("file:".length), "utf8").trim() : text
    if (TOKEN.test(token)) return token
    context.issues.push({ code: "custom", input: undefined, message: RULE })
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "it is no path"
    context.issues.push({
      code: "custom",
      input: undefined,
      message: `the file that it names cannot be read (${reason})`,
    })
  }
  return z.NEVER
})
