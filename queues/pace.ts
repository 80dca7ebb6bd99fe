/** How patient the server's part of a pool is. Tests of what it does in the end need not wait for it. */
export interface Pace {
  /** ms between two looks for what was lost on the way */
  lookEvery: number
  /** ms after which a row that is out is asked for at the transport */
  askAfter: number
  /** ms after which a silent worker is taken for dead; a living one tells something every five seconds */
  lease: number
  /** ms between two counts of the puts by reference that wait */
  countEvery: number
}

export const PACE: Pace = { lookEvery: 5_000, askAfter: 10_000, lease: 20_000, countEvery: 2_000 }
