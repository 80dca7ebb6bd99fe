/**
 * The suite of the staging contract. An implementation joins with a function that opens it; what it needs of its own (files, logs, disks) is tested
 * beside it, not here.
 */
import { describe } from "vitest"
import { closingCases } from "./staging/closing-cases.ts"
import { failedReceiveCases } from "./staging/failed-receive-cases.ts"
import { opener, type StagingSettings, type StagingUnderTest } from "./staging/harness.ts"
import { readCases } from "./staging/read-cases.ts"
import { receiveCases } from "./staging/receive-cases.ts"
import { removalCases } from "./staging/removal-cases.ts"
import { roomCases } from "./staging/room-cases.ts"

export function stagingSuite(name: string, make: (settings: StagingSettings) => Promise<StagingUnderTest>): void {
  const open = opener(make)
  describe(`${name}: receive`, () => receiveCases(open))
  describe(`${name}: a receive that fails leaves nothing`, () => failedReceiveCases(open))
  describe(`${name}: read`, () => readCases(open))
  describe(`${name}: holds and removal`, () => removalCases(open))
  describe(`${name}: room`, () => roomCases(open))
  describe(`${name}: open and close`, () => closingCases(open))
}
