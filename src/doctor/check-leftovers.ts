/** What lies in staging beside content: files of what did not end (I9), and bad content that was moved aside (I8). Neither breaks anything. */
import { basename } from "node:path"
import type { Leftover } from "../staging/staging.ts"
import type { StoreServices } from "../store/services.ts"
import type { Finding } from "./finding.ts"

/** @param leftovers as found before anything was mended: what the mending itself moves aside stays for people to look at */
export async function* checkLeftovers(
  services: StoreServices,
  leftovers: readonly Leftover[],
  repair: boolean,
): AsyncGenerator<Finding> {
  for (const leftover of leftovers) {
    const mayGo = leftover.kind === "temporary" || hasGoodCopy(services, leftover)
    if (repair && mayGo) await services.staging.removeLeftover(leftover)
    yield {
      invariant: leftover.kind === "temporary" ? "I9" : "I8",
      severity: "note",
      subject: `${leftover.kind === "temporary" ? "tmp" : "quarantine"}/${basename(leftover.path)}`,
      message: messageOf(leftover, mayGo),
      repair: repair && mayGo ? "removed" : null,
    }
  }
}

function messageOf({ kind, size, id }: Leftover, mayGo: boolean): string {
  if (kind === "temporary") return `A file of ${size} bytes was left in staging by something that did not end.`
  const what = `${size} bytes that should have been ${id ?? "something else"} were bad and were moved aside.`
  return mayGo ? what : `${what} No good copy is known, so they are kept, whatever they are worth.`
}

/** After staging and copies were looked at: what the catalog still counts on is good. */
function hasGoodCopy({ catalog }: StoreServices, { id }: Leftover): boolean {
  const blob = id && catalog.blob(id)
  return !blob || blob.staged || blob.synced > 0 || blob.references === 0
}
