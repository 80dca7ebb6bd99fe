/** Sizes as people write them. */
const POWERS = ["", "k", "m", "g", "t"]

/** `1GB`, `512 MiB`, `64k` or a number of bytes; k is 1,000 and Ki 1,024. Null where it is none of these. */
export function parseByteSize(value: string | number): number | null {
  const bytes = typeof value === "number" ? value : parseSizeText(value)
  return Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : null
}

function parseSizeText(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?))?b?\s*$/i.exec(text)
  if (!match) return Number.NaN
  const [, digits, power = "", binary] = match
  return Math.round(Number(digits) * (binary ? 1024 : 1000) ** POWERS.indexOf(power.toLowerCase()))
}
