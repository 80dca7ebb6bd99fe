/**
 * Lines of a log as every program may read them: in printable ASCII. JSON escapes what ends a line for most, and neither the other ends that some know (U+0085, U+2028) nor what steers a terminal (U+009B) or turns a text around (U+202E); names
 * that were found at a backend may hold any of them.
 */

/** A line of JSON, which means the same afterwards: what is not ASCII stands within its texts. The line feed at its end stays. */
export function plainLine(line: string): string {
  return line.replace(/[\u007f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)
}

/** What writes lines to a destination, each plain. */
export function plainLines(destination: { write(line: string): unknown }): { write(line: string): void } {
  return { write: (line) => void destination.write(plainLine(line)) }
}
