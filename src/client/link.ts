/**
 * One server over HTTP: requests out, answers in. A request has a deadline until its answer begins, and its signal ends it, and the answer
 * with it, at any time. Every failure is a `StoredError`: the server's own, ABORTED, TIMEOUT, BACKEND_UNAVAILABLE.
 */
import {
  Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from "node:http"
import { request as httpsRequest, Agent as TlsAgent } from "node:https"
import { urlToHttpOptions } from "node:url"
import { abortError, isStoredError, StoredError, throwIfAborted } from "../core/error.ts"
import { nextChunk } from "./next-chunk.ts"
import { late, problemError, unreachable } from "./problem.ts"
import { type Body, sendBody } from "./send-body.ts"

export interface Call {
  method?: "GET" | "PUT" | "POST" | "DELETE"
  path: string
  query?: Readonly<Record<string, string | undefined>>
  headers?: Readonly<Record<string, string>>
  body?: Body
  signal?: AbortSignal | undefined
  /** ms until the answer begins, beside the time for the body; absent: the link's own */
  deadline?: number
}

export interface LinkOptions {
  base: URL
  /** sent with every request */
  headers: Readonly<Record<string, string>>
  /** ms until an answer begins, and the longest silence within one */
  timeout: number
  /** what each request waits for; never rejects */
  before?(): Promise<void>
  /** of what a request is part of, or null; absent: of nothing */
  traceparent?: (() => string | null) | undefined
}

/** Bytes of an answer that is read whole. */
const MOST_TEXT = 64 * 2 ** 20

export class Link {
  readonly timeout: number
  readonly #base: URL
  readonly #headers: Readonly<Record<string, string>>
  readonly #agent: Agent
  readonly #before: (() => Promise<void>) | undefined
  readonly #traceparent: () => string | null
  #isClosed = false

  constructor({ base, headers, timeout, before, traceparent = () => null }: LinkOptions) {
    this.#before = before
    this.#traceparent = traceparent
    this.#base = base
    this.#headers = headers
    this.timeout = timeout
    this.#agent = base.protocol === "https:" ? new TlsAgent({ keepAlive: true }) : new Agent({ keepAlive: true })
  }

  /** Of the server, without a slash at its end. */
  get address(): string {
    return this.#base.href.replace(/\/$/, "")
  }

  /** The answer, once it has begun and is a good one. Whoever takes it reads it to its end or destroys it. */
  async send(call: Call): Promise<IncomingMessage> {
    await this.#before?.()
    const response = await this.#exchange(call, true)
    const status = response.statusCode ?? 0
    if (status >= 200 && status < 300) return response
    throw problemError(status, await this.#text(response, call.signal))
  }

  async json<Value>(call: Call): Promise<Value> {
    return (await this.answer<Value>(call)).value
  }

  async answer<Value>(call: Call): Promise<{ status: number; headers: IncomingHttpHeaders; value: Value }> {
    const response = await this.send(call)
    const text = await this.#text(response, call.signal)
    try {
      const { statusCode: status = 0, headers } = response
      return { status, headers, value: JSON.parse(text) as Value }
    } catch (cause) {
      throw new StoredError("INTERNAL", `What answers at ${this.#base.origin} is no StoreD.`, { cause })
    }
  }

  /** Reads an answer that nobody wants, so that its connection can serve again. */
  async finish(call: Call): Promise<void> {
    await this.#text(await this.send(call), call.signal)
  }

  /** Cuts every connection. */
  close(): void {
    this.#isClosed = true
    this.#agent.destroy()
  }

  async #exchange(call: Call, mayRepeat: boolean): Promise<IncomingMessage> {
    throwIfAborted(call.signal)
    this.#requireOpen()
    const request = this.#begin(call)
    try {
      return await this.#answer(request, call)
    } catch (error) {
      // The server closed the idle connection in the moment in which it was taken: nothing was done yet.
      const wasStale = request.reusedSocket && codeOf(error) === "ECONNRESET"
      if (wasStale && mayRepeat && call.method === undefined) return this.#exchange(call, false)
      throw this.#typed(error, call.signal)
    }
  }

  #begin({ method = "GET", path, query = {}, headers, body }: Call): ClientRequest {
    const parameters = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
    const search = parameters.length === 0 ? "" : `?${new URLSearchParams(parameters)}`
    const send = this.#base.protocol === "https:" ? httpsRequest : httpRequest
    const length = body?.size ?? (body || method === "GET" ? undefined : 0)
    const trace = this.#traceparent()
    return send({
      ...urlToHttpOptions(this.#base),
      path: this.#base.pathname.replace(/\/$/, "") + path + search,
      method,
      agent: this.#agent,
      headers: {
        ...headers,
        ...this.#headers,
        ...(trace !== null && { traceparent: trace }),
        ...(length !== undefined && { "content-length": String(length) }),
      },
    })
  }

  #answer(request: ClientRequest, { body, signal, deadline = this.timeout }: Call): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined
      const watch = (isOn: boolean): void => {
        clearTimeout(timer)
        if (isOn) timer = setTimeout(() => request.destroy(late(this.#base.origin, deadline)), deadline)
      }
      const abort = (): void => void request.destroy(abortError(signal))
      signal?.addEventListener("abort", abort, { once: true })
      request.once("close", () => {
        watch(false)
        signal?.removeEventListener("abort", abort)
      })
      request.on("error", reject)
      request.once("response", (response) => {
        watch(false)
        // Whoever reads it sees the break there.
        response.on("error", () => {})
        resolve(response)
      })
      if (body) sendBody(request, body, watch).catch((error: unknown) => request.destroy(error as Error))
      else request.end()
      if (!body) watch(true)
    })
  }

  async #text(response: IncomingMessage, signal: AbortSignal | undefined): Promise<string> {
    const chunks: Buffer[] = []
    let size = 0
    try {
      for (let chunk = await this.#next(response); chunk; chunk = await this.#next(response)) {
        chunks.push(chunk)
        size += chunk.length
        if (size > MOST_TEXT) throw new StoredError("TOO_LARGE", "The server's answer has no end.")
      }
    } catch (error) {
      response.destroy()
      throw this.#typed(error, signal)
    }
    return Buffer.concat(chunks).toString()
  }

  #next(response: IncomingMessage): Promise<Buffer | null> {
    return nextChunk(response, this.timeout)
  }

  #typed(error: unknown, signal: AbortSignal | undefined): StoredError {
    if (signal?.aborted) return abortError(signal)
    if (!isStoredError(error) && this.#isClosed) return closed()
    return unreachable(this.#base.origin, error)
  }

  /** A break in the middle of an answer, as what `send` would throw. */
  broken(error: unknown, signal: AbortSignal | undefined): StoredError {
    return this.#typed(error, signal)
  }

  #requireOpen(): void {
    if (this.#isClosed) throw closed()
  }
}

export function closed(): StoredError {
  return new StoredError("CLOSED", "The connection to the store is closed; make a new one with connect.")
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined
}
