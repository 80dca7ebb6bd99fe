/** What the bar of a scan shows while nobody knows how much there is. */
import { expect, it } from "vitest"
import { listingLine } from "../../src/cli/scan-progress.ts"
import type { ScanStatus } from "../../src/store/store.ts"

const line = (status: Partial<ScanStatus>): string =>
  listingLine({ backend: "photos", files: 50, bytes: 0, looks: 0, expected: null, ...status } as ScanStatus, 0)

it("takes what the last scan has listed for a guess, and says that it is one", () => {
  expect(line({ expected: { files: 200, bytes: 0 } })).toMatch(/^photos {2}~\S+ 25 % {2}50\/~200 files {2}/)
})

it("guesses nothing before the first scan, and where there is more than there was", () => {
  expect(line({})).toBe("photos  50 files  0 B  0 B/s")
  expect(line({ expected: { files: 49, bytes: 0 } })).toBe("photos  50 files  0 B  0 B/s")
})
