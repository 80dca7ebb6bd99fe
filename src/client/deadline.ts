/** ms for an answer that depends on more than the server: on its backends, on how much it holds. */
export const LONG = 600_000
