/**
 * The suite of the store's face (`StoreFace`): what holds for a store in this process and for one behind HTTP alike. An implementation joins with a
 * function that opens it over a real store.
 */
import { describe } from "vitest"
import { abortCases } from "./store/abort-cases.ts"
import { archiveCases } from "./store/archive-cases.ts"
import { backendCases } from "./store/backend-cases.ts"
import { closingCases } from "./store/closing-cases.ts"
import { copyCases } from "./store/copy-cases.ts"
import { deleteCases } from "./store/delete-cases.ts"
import { eventCases } from "./store/event-cases.ts"
import type { OpenFace } from "./store/harness.ts"
import { keyCases } from "./store/key-cases.ts"
import { onceCases } from "./store/once-cases.ts"
import { optionCases } from "./store/option-cases.ts"
import { pauseCases } from "./store/pause-cases.ts"
import { putCases } from "./store/put-cases.ts"
import { readCases } from "./store/read-cases.ts"
import { refusalCases } from "./store/refusal-cases.ts"
import { scanCases } from "./store/scan-cases.ts"
import { signedCases } from "./store/signed-cases.ts"
import { upkeepCases } from "./store/upkeep-cases.ts"
import { whyCases } from "./store/why-cases.ts"

/** @param options `sideChecksums`: whether somebody computes them */
export function storeSuite(name: string, open: OpenFace, { sideChecksums = true } = {}): void {
  describe(`${name}: put`, () => putCases(open))
  describe(`${name}: get, stat, list`, () => readCases(open, sideChecksums))
  describe(`${name}: options of a read`, () => optionCases(open))
  describe(`${name}: delete`, () => deleteCases(open))
  describe(`${name}: copy, move, many deletes`, () => copyCases(open))
  describe(`${name}: archives`, () => archiveCases(open))
  describe(`${name}: signed addresses`, () => signedCases(open))
  describe(`${name}: idempotency keys`, () => onceCases(open))
  describe(`${name}: keys`, () => keyCases(open))
  describe(`${name}: aborts`, () => abortCases(open))
  describe(`${name}: backends`, () => backendCases(open))
  describe(`${name}: paused backends, rate limits`, () => pauseCases(open))
  describe(`${name}: scans, drift`, () => scanCases(open))
  describe(`${name}: events`, () => eventCases(open))
  describe(`${name}: cache, journal, jobs`, () => upkeepCases(open))
  describe(`${name}: why`, () => whyCases(open))
  describe(`${name}: refusals`, () => refusalCases(open))
  describe(`${name}: close`, () => closingCases(open))
}
