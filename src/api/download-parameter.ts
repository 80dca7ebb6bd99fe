/** `?download=1`, `?download=report.pdf`: saved rather than shown, under its own name (empty here) or another. */
import * as z from "zod"
import { isStoredError } from "../core/error.ts"
import { checkName } from "../store/signed/make.ts"

const YES = ["", "1", "true"]
const NO = ["0", "false"]

export const downloadParameter = z.string().transform((text, context): string | null => {
  if (YES.includes(text)) return ""
  if (NO.includes(text)) return null
  try {
    return checkName(text)
  } catch (error) {
    context.addIssue({ code: "custom", message: isStoredError(error) ? error.message : String(error) })
    return z.NEVER
  }
})
