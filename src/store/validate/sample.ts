/** Which copies a sample is made of: the same ones for the same seed, others for another. */
import { hash, randomBytes } from "node:crypto"

const HEX = 12
const ALL = 16 ** HEX

/** @param sample share, above 0 and at most 1 */
export function isChosen(key: string, { sample, seed }: { sample: number; seed: string }): boolean {
  if (sample >= 1) return true
  return Number.parseInt(hash("sha256", `${seed}\0${key}`, "hex").slice(0, HEX), 16) < sample * ALL
}

export function randomSeed(): string {
  return randomBytes(4).toString("hex")
}
