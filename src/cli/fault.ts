/** An error for a person (one line, `stored: <sentence> [CODE]`) or for a program (one JSON object a line). */
import { toStoredError } from "../core/error.ts"

/** A wrong configuration takes one line for each mistake; everything else takes one. Never a stack. */
export function faultLines(error: unknown, options: { json?: boolean } = {}): string {
  const fault = toStoredError(error)
  if (options.json) return `${JSON.stringify(fault)}\n`
  const issues = fault.code === "INVALID_CONFIG" ? issuesOf(fault.details.issues) : []
  const sentences = issues.length > 0 ? issues : [fault.message + hint(fault.code, fault.details)]
  return sentences.map((sentence) => `stored: ${oneLine(sentence)} [${fault.code}]\n`).join("")
}

function issuesOf(issues: unknown): string[] {
  if (!Array.isArray(issues)) return []
  return (issues as { path: string; message: string }[]).map(({ path, message }) =>
    path === "" ? message : `${path}: ${message}`,
  )
}

function hint(code: string, details: Readonly<Record<string, unknown>>): string {
  if (code !== "DATA_DIRECTORY_IN_USE" || typeof details.address !== "string") return ""
  return ` To talk to the server that has it: STORED_URL=${details.address}`
}

function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, " ").replace(/[\u0000-\u001f\u007f-\u009f]/g, "?")
}
