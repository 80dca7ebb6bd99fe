/**
 * What the bytes of a copy say. Others than those of its id are rot, or what somebody has made of it: only a found file of an observed backend may be changed by
 * others, and only where its state tells that it was. A state as before with other bytes is rot wherever it is.
 */
import type { BackendStat } from "../../backends/backend.ts"
import type { CopyVerdict } from "../../catalog/validation.ts"
import { type BlobId, splitBlobId } from "../../core/blob-id.ts"
import type { StoredError } from "../../core/error.ts"
import type { BackendMode } from "../../core/scan-settings.ts"
import { isSameState, type SeenState, seenState } from "../../core/seen-state.ts"
import { isUnreadable } from "../../core/unreadable.ts"

/** `moving`: it was written to while it was read. `unreadable`: its backend is there, and does not give it. */
export type CopyRead =
  | { type: "read"; by: "checksum" | "read-back"; hex: string; state: BackendStat; bytes: number }
  | { type: "absent" }
  | { type: "moving"; size: number }
  | { type: "unreadable"; error: StoredError }

export interface JudgedCopy {
  id: BlobId
  seen: SeenState | null
  /** it lay there before */
  found: boolean
  size: number
}

/** As if all bad bytes were kept; who cannot keep them says so afterwards. */
export function verdictOf(read: CopyRead, copy: JudgedCopy, mode: BackendMode): CopyVerdict {
  const follows = copy.found && mode === "observe"
  switch (read.type) {
    case "absent":
      return { type: "missing" }
    case "moving":
      return { type: "changed", size: read.size }
    case "unreadable": {
      // Nobody can keep what its disk does not give back.
      const { size } = copy
      const seen = copy.seen ?? { size, modified: 0 }
      return isUnreadable(read.error) ? { type: "corrupt", seen, kept: null, mend: !follows } : { type: "unreadable" }
    }
    case "read": {
      const { hex, state, by } = read
      if (hex === splitBlobId(copy.id).hex) return { type: "good", by, seen: seenState(state) }
      const isAsSeen = copy.seen === null || isSameState(copy.seen, state)
      if (follows && !isAsSeen) return { type: "changed", size: state.size }
      return { type: "corrupt", seen: seenState(state), kept: null, mend: !follows }
    }
  }
}
