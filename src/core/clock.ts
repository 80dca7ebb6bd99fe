/** Time in UTC milliseconds, one clock a process. Times are for people and for delays; sequence numbers decide orders. */
export interface Clock {
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }
