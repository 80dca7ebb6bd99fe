/** What a scan passes over, in the syntax of gitignore. */
import { IgnoreRules } from "./ignore-rules.ts"

/** Whether a key is passed over. None is where there are no patterns. */
export function ignoring(patterns: readonly string[]): (key: string) => boolean {
  if (patterns.length === 0) return () => false
  const rules = new IgnoreRules(patterns)
  return (key) => rules.ignores(key)
}
