/** What the doctor finds: one sentence about one thing, the invariant it breaks, and what became of it. */
export interface Finding {
  /** I1 … I15 of the reliability document */
  invariant: string
  /** `fault`: broken. `unchecked`: could not be looked at, so it cannot be called whole. `note`: worth knowing, nothing is broken. */
  severity: "fault" | "unchecked" | "note"
  /** the id, key or location concerned */
  subject: string
  message: string
  /** what was done about it; null where nothing was asked for or can be done */
  repair: string | null
}

export interface DoctorReport {
  /** no fault, and nothing left unchecked */
  clean: boolean
  findings: Finding[]
  /** how many faults were mended before the last look */
  repaired: number
  checked: { blobs: number; contentFiles: number; locations: number; objects: number; journal: number }
}

export type Checked = DoctorReport["checked"]
