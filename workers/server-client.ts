/**
 * The worker's way to the server: requests under `/internal/` with the worker token. Every request has a deadline and heeds a signal; what comes back is
 * JSON of bounded size, a stream, or a `StoredError` made again from problem JSON. Neither token nor settings are part of any error.
 */
import { Agent, type IncomingMessage, request as plainRequest } from "node:http"
import { Agent as TlsAgent, request as tlsRequest } from "node:https"
import { type Exchange, TRACES_HEADER, TWINS_HEADER } from "../queues/exchange.ts"
import type { BlobId } from "../src/core/blob-id.ts"
import type { ByteRange } from "../src/core/blob-source.ts"
import { abortError, StoredError, TransientAdapterError, throwIfAborted } from "../src/core/error.ts"
import type { Tracer } from "../src/tracing/tracer.ts"
import { problemError } from "./problem-error.ts"

export interface ServerClientOptions {
  /** `http://host:port`, checked already */
  url: URL
  token: string
  /** whose spans requests of jobs are part of; absent or null: nobody collects any */
  tracer?: Pick<Tracer, "current"> | null
  /** ms for one request and its answer; for content, until the answer begins */
  deadline?: number
}

export interface ContentRequest {
  id: BlobId
  /** bytes of the whole */
  size: number
  /** absent: the whole */
  range?: ByteRange
  /** the location that must not be read */
  except?: { backend: string; key: string }
}

interface Call {
  method: "GET" | "POST"
  path: string
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: string
  agent?: Agent
  signal: AbortSignal
  deadline: number
}

const DEADLINE = 30_000
/** the slowest transfer that is not taken for a hang: the server may have to bring the bytes from afar before it begins */
const SLOWEST_BYTES_PER_MS = 64
const MAX_ANSWER = 16 * 2 ** 20
const MAX_PROBLEM = 256 * 1024

export class ServerClient {
  readonly #url: URL
  readonly #token: string
  readonly #deadline: number
  readonly #tracer: Pick<Tracer, "current"> | null
  readonly #agent: Agent
  /** has one connection, by whose end the server knows at once that this worker was killed */
  readonly #talk: Agent

  constructor({ url, token, tracer = null, deadline = DEADLINE }: ServerClientOptions) {
    this.#url = url
    this.#token = token
    this.#deadline = deadline
    this.#tracer = tracer
    const AgentOf = url.protocol === "https:" ? TlsAgent : Agent
    this.#agent = new AgentOf({ keepAlive: true })
    this.#talk = new AgentOf({ keepAlive: true, maxSockets: 1 })
  }

  /** As the server gave it; nobody has looked at it yet. @throws StoredError as every request: BACKEND_UNAVAILABLE, TIMEOUT, ABORTED, the server's own */
  configuration(signal: AbortSignal): Promise<unknown> {
    return this.#json({ method: "GET", path: "/internal/configuration", signal })
  }

  /** The answer as it came; nobody has looked at it yet. */
  exchange(message: Exchange, signal: AbortSignal): Promise<unknown> {
    const traces = this.#tracer && { [TRACES_HEADER]: "1" }
    const headers = { "content-type": "application/json", [TWINS_HEADER]: "1", ...traces }
    const body = JSON.stringify(message)
    return this.#json({ method: "POST", path: "/internal/exchange", agent: this.#talk, headers, body, signal })
  }

  async suspect(id: BlobId, signal: AbortSignal): Promise<void> {
    const call = { method: "POST" as const, path: `/internal/suspect/${id}`, signal, deadline: this.#deadline }
    await textOf(await this.#request(call), MAX_PROBLEM, signal)
  }

  /** The answer once it has begun; whoever takes it reads it to its end or destroys it. */
  content({ id, size, range, except }: ContentRequest, signal: AbortSignal): Promise<IncomingMessage> {
    return this.#request({
      method: "GET",
      path: `/internal/content/${id}`,
      query: { size: String(size), ...except },
      headers: range ? { range: `bytes=${range.start}-${range.end - 1}` } : {},
      signal,
      deadline: this.#deadline + size / SLOWEST_BYTES_PER_MS,
    })
  }

  /** Lets go of every connection. */
  close(): void {
    this.#agent.destroy()
    this.#talk.destroy()
  }

  async #json(call: Omit<Call, "deadline">): Promise<unknown> {
    // Not AbortSignal.timeout, whose timers outlive hundreds of answers a second.
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), this.#deadline)
    const signal = AbortSignal.any([call.signal, late.signal])
    try {
      const response = await this.#request({ ...call, signal, deadline: this.#deadline })
      return JSON.parse(await textOf(response, MAX_ANSWER, signal))
    } catch (error) {
      throwIfAborted(call.signal)
      if (late.signal.aborted) throw timeout(this.#deadline)
      if (error instanceof SyntaxError) throw unreachable(this.#url, error)
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  async #request(call: Call): Promise<IncomingMessage> {
    const response = await this.#begin(call)
    const status = response.statusCode ?? 0
    if (status >= 200 && status < 300) return response
    throw problemError(status, await textOf(response, MAX_PROBLEM, call.signal))
  }

  #begin(call: Call): Promise<IncomingMessage> {
    const { method, path, query = {}, headers = {}, body, agent = this.#agent, signal, deadline } = call
    throwIfAborted(signal)
    const url = new URL(this.#url)
    url.pathname = this.#url.pathname.replace(/\/$/, "") + path
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const send = url.protocol === "https:" ? tlsRequest : plainRequest
    const trace = this.#tracer?.current() ?? null
    return new Promise((resolve, reject) => {
      const request = send(url, {
        method,
        agent,
        signal,
        headers: {
          ...headers,
          ...(trace !== null && { traceparent: trace }),
          authorization: `Bearer ${this.#token}`,
          ...(body !== undefined && { "content-length": Buffer.byteLength(body) }),
        },
      })
      const timer = setTimeout(() => request.destroy(timeout(deadline)), Math.min(deadline, 2 ** 31 - 1))
      request.on("error", (error) => {
        clearTimeout(timer)
        reject(signal.aborted ? abortError(signal) : fault(this.#url, error))
      })
      request.on("response", (response) => {
        clearTimeout(timer)
        resolve(response)
      })
      request.end(body)
    })
  }
}

async function textOf(response: IncomingMessage, most: number, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response) {
      size += (chunk as Buffer).length
      if (size > most) throw new TransientAdapterError(`The server's answer is larger than ${most} bytes.`)
      chunks.push(chunk as Buffer)
    }
  } catch (error) {
    throwIfAborted(signal)
    if (error instanceof StoredError) throw error
    throw new TransientAdapterError("The server's answer broke off.", { cause: error })
  }
  return Buffer.concat(chunks).toString()
}

function fault(url: URL, error: Error): StoredError {
  return error instanceof StoredError ? error : unreachable(url, error)
}

function unreachable(url: URL, cause: Error): StoredError {
  const reason = cause instanceof SyntaxError ? "its answer is no JSON" : cause.message
  return new TransientAdapterError(
    `The server at ${url.origin} does not answer (${reason}); see that it runs and that STORED_URL is right.`,
    { cause },
  )
}

function timeout(ms: number): StoredError {
  return new TransientAdapterError(`The server did not answer within ${Math.round(ms)} ms.`, { code: "TIMEOUT" })
}
