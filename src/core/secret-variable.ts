/** A secret as a variable of the environment says it: itself, or `file:PATH` of a file that holds it. It is never part of a message. */
import { readFileSync } from "node:fs"
import * as z from "zod"

/**
 * @param parse null where the text is no such secret
 * @param rule what was expected, without a word of what was given
 */
export function secretVariable<Secret>(parse: (text: string) => Secret | null, rule: string) {
  return z.string().transform((text, context): Secret => {
    const refuse = (message: string): Secret => {
      context.issues.push({ code: "custom", input: undefined, message })
      return z.NEVER
    }
    try {
      const secret = parse(text.startsWith("file:") ? readFileSync(text.slice("file:".length), "utf8").trim() : text)
      return secret ?? refuse(rule)
    } catch (error) {
      const reason = error instanceof Error && "code" in error ? String(error.code) : "it is no path"
      return refuse(`the file that it names cannot be read (${reason})`)
    }
  })
}
