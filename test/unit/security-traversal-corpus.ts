/** Names that lead out of where they are taken for: made from the ways to write a dot, a separator and a beginning, in an order that a seed repeats. Percent-encoded, as they go over the wire. */
import { SeededRandom } from "../fault/kill-random.ts"

/** Plain, encoded once, twice and three times, overlong, UTF-16 of either order, fullwidth and other look-alikes, with a NUL or a line feed. */
const SEPARATORS = [
  "/",
  "%2f",
  "%2F",
  "%252f",
  "%25252f",
  "%5c",
  "%5C",
  "%255c",
  "\\",
  "%c0%af",
  "%e0%80%af",
  "%f0%80%80%af",
  "%c1%9c",
  "%c0%5c",
  "%2f%00",
  "%00%2f",
  "%fe%ff%00%2f",
  "%u2215",
  "%ef%bc%8f",
  "%ef%bc%bc",
  "%e2%88%95",
  "%e2%81%84",
  "%2f%2f",
  "//",
  "/;/",
  "%0a/",
  "/./",
  "%2f.%2f",
]
const DOTS = [
  "..",
  "%2e%2e",
  "%2E.",
  ".%2e",
  "%252e%252e",
  "%25252e.",
  "%c0%ae%c0%ae",
  "%e0%80%ae%e0%80%ae",
  "%c0%2e%c0%2e",
  "%ef%bc%8e%ef%bc%8e",
  "%e2%80%a5",
  "%u002e%u002e",
  "%2e%00%2e%00",
  "%00%2e%00%2e",
  "..%00",
  "%00..",
  "..%20",
  ".%20.",
  "..;",
  "...",
  "....",
  "..%0d%0a",
]
const BEGINNINGS = [
  "",
  "",
  "",
  "",
  "/",
  "%2f",
  "%252f",
  "./",
  "%2e/",
  "in/",
  "in/c/",
  "a%00",
  "C:",
  "C%3a%5c",
  "%5c%5chost%5cshare%5c",
  "//host/share/",
  "%5c%5c%3f%5cC%3a%5c",
  "file:%2f%2f%2f",
  "%2fproc%2fself%2fcwd%2f",
  "%2fproc%2fself%2froot%2f",
  "~/",
  "%ff%fe",
  "%ef%bb%bf",
]
const ENDINGS = ["", "", "", "", "%00", "%00.png", "/", "/.", "%20", ".", "%2f..%2fcanary.txt", "%3a%3a%24DATA"]
const MOST_DEPTH = 12

/** @param targets what lies outside, from different places: plain paths with slashes. */
export function corpus(count: number, seed: number, targets: readonly string[]): string[] {
  const random = new SeededRandom(seed)
  const made = new Set<string>()
  while (made.size < count) made.add(one(random, targets))
  return [...made]
}

function one(random: SeededRandom, targets: readonly string[]): string {
  const target = random.pick(targets)
  // Mostly one way to write it, as what is broken is mostly broken for one; sometimes another at each step.
  const isMixed = random.chance(0.2)
  const [separator, dots] = [random.pick(SEPARATORS), random.pick(DOTS)]
  const between = (): string => (isMixed ? random.pick(SEPARATORS) : separator)
  const up = (): string => (isMixed ? random.pick(DOTS) : dots)
  const path = (text: string): string =>
    text
      .split("/")
      .map((part, index) => (index === 0 ? part : between() + part))
      .join("")
  if (target.startsWith("/") && random.chance(0.5)) return path(target) + random.pick(ENDINGS)
  const depth = 1 + random.below(MOST_DEPTH)
  const climb = Array.from({ length: depth }, () => up() + between()).join("")
  return random.pick(BEGINNINGS) + climb + path(target.replace(/^\//, "")) + random.pick(ENDINGS)
}
