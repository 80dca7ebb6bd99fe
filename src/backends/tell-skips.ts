/** Who is told of what a listing passes over: whoever opened the backend, and whoever lists. */
import type { BackendListOptions, BackendServices, SkippedEntry } from "./backend.ts"

export function tellSkips(
  services: Pick<BackendServices, "onSkip">,
  options: Pick<BackendListOptions, "onSkip">,
): (entry: SkippedEntry) => void {
  return (entry) => {
    services.onSkip?.(entry)
    options.onSkip?.(entry)
  }
}
