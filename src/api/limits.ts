/**
 * What a client may do to the server: sizes in bytes, times in ms. Every wait on a client has a deadline, so that slow or
 * silent ones (slowloris) hold nothing for long. How long an upload takes as a whole is not limited, only how slow it may be.
 */
export interface ApiLimits {
  /** largest body of a put in bytes, null for no limit; more is 413 */
  maxBlobSize: number | null
  /** time for the whole request head, ms */
  headersTimeout: number
  /** how often the server looks for heads that are late, ms */
  checkInterval: number
  /** longest silence of a client that owes us bytes, or does not read ours, ms */
  idleTimeout: number
  /** bytes a second that a body must have on average once it was waited for long enough; 0: none. Time in which the client waits for us does not count */
  leastRate: number
  /** how long a body is waited for before its rate is asked about, ms */
  leastRateAfter: number
  /** how long a connection without a request stays open, ms */
  keepAliveTimeout: number
  /** how long an answered client may still send the rest of a refused body before it is cut, ms */
  lingerTime: number
  /** longest wait of a worker for the answer to its message, ms */
  exchangeTimeout: number
  /** ms between signs of life in a stream of events */
  heartbeat: number
  /** connections at a time; more are closed as they come. Not counted by address: everybody behind a proxy has the same one */
  maxConnections: number
  /** requests and streams of one token at a time, more are 429; those by signed addresses count with the token that signed, or by the client's address */
  maxRequestsPerToken: number
  /** all headers together in bytes; more is 431 */
  maxHeaderSize: number
  /** number of header fields; more is 431 */
  maxHeaderCount: number
}

export const DEFAULT_LIMITS: ApiLimits = {
  maxBlobSize: null,
  headersTimeout: 10_000,
  checkInterval: 2_000,
  idleTimeout: 30_000,
  leastRate: 100,
  leastRateAfter: 60_000,
  keepAliveTimeout: 30_000,
  lingerTime: 5_000,
  heartbeat: 15_000,
  exchangeTimeout: 20_000,
  maxConnections: 10_000,
  maxRequestsPerToken: 1_000,
  maxHeaderSize: 16 * 1024,
  maxHeaderCount: 200,
}
