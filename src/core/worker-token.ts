/**
 * The secret that a server and its workers share, as a variable says it: the token itself, or `file:PATH` of a file that holds it. It is never
 * part of a message.
 */
import { secretVariable } from "./secret-variable.ts"

const RULE = "expected at least 16 characters without spaces, or file:PATH of a file that holds them"
/** What a header carries as it is. */
const TOKEN = /^[\x21-\x7e]{16,1024}$/

export const workerTokenSchema = secretVariable((text) => (TOKEN.test(text) ? text : null), RULE)
