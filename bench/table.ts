/** The report: plain text for people, the same numbers as JSON for programs. */
import { type Measured, median } from "./measure.ts"
import { type Claim, isMet, type Section } from "./subject.ts"

export function formatSection({ title, measured, claims, notes = [] }: Section): string {
  const lines = [`## ${title}`, "", ...formatTable(measured.map(measuredCells), MEASURED_HEAD)]
  if (claims.length > 0) lines.push("", ...formatTable(claims.map(claimCells), CLAIM_HEAD))
  return [...lines, ...notes.flatMap((note) => ["", note]), ""].join("\n")
}

/** One line for all claims that have a goal. */
export function formatVerdict(sections: Section[]): string {
  const asked = sections.flatMap((section) => section.claims).filter((claim) => claim.goal)
  const missed = asked.filter((claim) => !isMet(claim))
  return `${asked.length - missed.length} of ${asked.length} goals met${missed.length > 0 ? `; missed: ${missed.map((claim) => claim.text).join("; ")}` : ""}`
}

const MEASURED_HEAD = ["what", "median", "unit", "lowest", "highest"]
const CLAIM_HEAD = ["ratio", "value", "goal", ""]

function measuredCells({ name, unit, rates }: Measured): string[] {
  return [name, number(median(rates)), unit, number(Math.min(...rates)), number(Math.max(...rates))]
}

function claimCells(claim: Claim): string[] {
  const value = claim.unit === "×" ? `${claim.value.toFixed(2)} ×` : `${number(claim.value)}/s`
  return [claim.text, value, goalText(claim), claim.goal ? (isMet(claim) ? "met" : "MISSED") : ""]
}

function goalText({ goal, unit }: Claim): string {
  if (!goal) return ""
  const [sign, bound] = "atLeast" in goal ? ["≥", goal.atLeast] : ["≤", goal.atMost]
  return unit === "×" ? `${sign} ${bound} ×` : `${sign} ${number(bound)}/s`
}

function number(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3)
}

/** Markdown, padded so that it reads as plain text too. First column to the left, numbers to the right. */
export function formatTable(rows: string[][], head: string[]): string[] {
  const widths = head.map((name, column) => Math.max(name.length, 3, ...rows.map((row) => row[column]!.length)))
  const isNumeric = (column: number): boolean => rows.some((row) => /^[\d,.]+( ×|\/s)?$/.test(row[column]!))
  const pad = (text: string, column: number): string =>
    isNumeric(column) ? text.padStart(widths[column]!) : text.padEnd(widths[column]!)
  const line = (row: string[]): string => `| ${row.map(pad).join(" | ")} |`
  const rule = `|${widths.map((width, column) => (isNumeric(column) ? `${"-".repeat(width + 1)}:` : "-".repeat(width + 2))).join("|")}|`
  return [line(head), rule, ...rows.map(line)]
}
