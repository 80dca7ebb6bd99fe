/**
 * The events of a store over a WebSocket (RFC 6455), for browsers and others that would rather have one than server-sent events: one JSON text a message, as fast as
 * the reader takes them. A browser cannot send a bearer token with it, but names of protocols: it asks for `stored`, and for `bearer.<token>` beside it.
 */
import type { IncomingMessage } from "node:http"
import { toStoredError } from "../core/error.ts"
import type { StoreEvent } from "../core/event.ts"
import type { Store } from "../store/store.ts"
import { HINTS } from "./event-feed.ts"

/** What a client has to offer, for it to be chosen; those that offer nothing are served too. */
export const PROTOCOL = "stored"
/** Bytes of a message of a client: there is nothing to say. */
export const MOST_SAID = 1024
/** Bytes that may wait for the reader before hints are left out. */
const ROOM = 64 * 1024

/** Codes of RFC 6455, 7.4.1. */
const GOING_AWAY = 1001
const INTERNAL_FAULT = 1011

/** What is used of a WebSocket of the library `ws`, whose own types need not be there where ours are read. */
export interface EventSocket {
  readonly OPEN: number
  readonly readyState: number
  /** bytes that are not on their way yet */
  readonly bufferedAmount: number
  send(text: string, done?: (error?: Error | null) => void): void
  ping(): void
  close(code: number, reason: string): void
  terminate(): void
  on(event: "error" | "pong", listener: () => void): unknown
  once(event: "close", listener: () => void): unknown
}

export interface EventSocketOptions {
  /** journal sequence that the reader has seen last */
  after: number
  hints: boolean
  /** ms between pings; whoever has not answered one by the next is cut */
  heartbeat: number
  /** ends it in order */
  closing: AbortSignal
}

/** Whether a request asks to become what we know. Anything else that asks for another protocol goes on as the HTTP it came in. */
export function isEventUpgrade({ method, url = "", headers }: IncomingMessage): boolean {
  return method === "GET" && headers.upgrade?.toLowerCase() === "websocket" && /^\/v1\/events(?:\?|$)/.test(url)
}

/** The token among the protocols that a client offers becomes what everybody else sends: a header. */
export function takeToken({ headers }: IncomingMessage): void {
  if (headers.authorization !== undefined) return
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim())
  const token = offered.find((name) => name.startsWith("bearer."))?.slice("bearer.".length)
  if (token) headers.authorization = `Bearer ${token}`
}

/** Resolves once the socket is closed. Never rejects. */
export async function serveEventSocket(
  socket: EventSocket,
  store: Pick<Store, "events" | "on">,
  { after, hints, heartbeat, closing }: EventSocketOptions,
): Promise<void> {
  const end = new AbortController()
  const stops: (() => void)[] = []
  socket.once("close", () => end.abort())
  // A client that breaks the rules is cut by the library, which then closes.
  socket.on("error", () => {})
  stops.push(beat(socket, heartbeat))
  if (hints) stops.push(...HINTS.map((name) => forward(socket, store, name)))
  const goAway = (): void => socket.close(GOING_AWAY, "The server is closing; come back with the last sequence.")
  closing.addEventListener("abort", goAway, { once: true })
  stops.push(() => closing.removeEventListener("abort", goAway))
  try {
    await send(socket, { type: "hello", sequence: after })
    for await (const event of store.events({ after, signal: end.signal })) await send(socket, event)
    goAway()
  } catch (error) {
    if (!end.signal.aborted) socket.close(INTERNAL_FAULT, toStoredError(error).code)
  } finally {
    for (const stop of stops) stop()
  }
}

/** Resolves once it is on its way, so that the journal is read no faster than it is taken. */
function send(socket: EventSocket, message: object): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(JSON.stringify(message), (error) => (error ? reject(error) : resolve()))
  })
}

function forward(socket: EventSocket, store: Pick<Store, "on">, name: (typeof HINTS)[number]): () => void {
  return store.on(name, (data: unknown, { sequence, time }: Pick<StoreEvent, "sequence" | "time">) => {
    const isOpen = socket.readyState === socket.OPEN && socket.bufferedAmount < ROOM
    if (isOpen) socket.send(JSON.stringify({ type: name, sequence, time, data }))
  })
}

function beat(socket: EventSocket, heartbeat: number): () => void {
  let isAlive = true
  socket.on("pong", () => {
    isAlive = true
  })
  const timer = setInterval(() => {
    if (!isAlive) return socket.terminate()
    isAlive = false
    socket.ping()
  }, heartbeat)
  return () => clearInterval(timer)
}
