/**
 * The one order of keys: by their UTF-8 bytes, which is the order of their code points. JavaScript compares UTF-16 units instead, and so puts
 * U+FFFD behind an emoji; here units of pairs count as more than all others.
 */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index += 1) {
    const left = a.charCodeAt(index)
    const right = b.charCodeAt(index)
    if (left !== right) return rank(left) - rank(right)
  }
  return a.length - b.length
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

/** The first key that can come after this one. */
export function successor(key: string): string {
  return `${key}\u0000`
}
