/** What is counted of requests. */

export interface EndedRequest {
  /** from the table of routes; `other` where the path is none of them */
  operation: string
  /** of HTTP; 499 where nothing was answered before the client went */
  status: number
  /** of the error, where there was one */
  code: string | null
  seconds: number
}

/** `running`: requests under way, this one counted while it is */
export interface RequestMeter {
  requestBegan(running: number): void
  requestEnded(request: EndedRequest, running: number): void
}
