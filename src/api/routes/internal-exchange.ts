/** `POST /internal/exchange`: one message of a worker, claims and results, and what the server says to them (`queues/exchange.ts`). */
import type { Socket } from "node:net"
import type { FastifyRequest } from "fastify"
import { type ExchangeAnswer, exchangeSchema, TRACES_HEADER, TWINS_HEADER } from "../../../queues/exchange.ts"
import { StoredError } from "../../core/error.ts"
import { within } from "../../store/within.ts"
import { readJson } from "../json-body.ts"
import { route } from "../route.ts"
import type { ApiServices } from "../services.ts"

/** Bytes. A full message has at most half of it. */
const MAX_MESSAGE = 4 * 2 ** 20

export const internalExchange = route({
  method: "POST",
  path: "/internal/exchange",
  operation: "exchange",
  tag: "internal",
  summary: "One message of a worker, claims and results, and what the server says to them.",
  policy: { scope: "worker", on: "whole" },
  takesBytes: true,
  answers: { 200: { is: "The answer to the message.", type: "application/json" } },
  async handle({ services, request, reply }): Promise<ExchangeAnswer> {
    const { limits, log } = services
    let answer: ExchangeAnswer | undefined
    const reading = new AbortController()
    const work = exchange(services, request, reading.signal).then((given) => {
      answer = given
    })
    const late = (error: unknown): void => log.warn({ err: error, requestId: request.id }, "a late exchange failed")
    await within(limits.exchangeTimeout, work, late)
    if (!answer) {
      const timeout = new StoredError(
        "TIMEOUT",
        `There was no answer within ${limits.exchangeTimeout} ms; ask again.`,
        {
          retryable: true,
        },
      )
      reading.abort(timeout)
      throw timeout
    }
    reply.header("cache-control", "no-store")
    return answer
  },
})

async function exchange(services: ApiServices, request: FastifyRequest, reading: AbortSignal): Promise<ExchangeAnswer> {
  const bounds = { ...services.limits, maxBlobSize: MAX_MESSAGE }
  const message = await readJson(request.raw, exchangeSchema, bounds, reading)
  const traces = request.headers[TRACES_HEADER] === "1"
  const twins = request.headers[TWINS_HEADER] === "1"
  return services.internal.desk.exchange(message, linkOf(request.raw.socket), { traces, twins })
}

const links = new WeakMap<Socket, AbortSignal>()

/** Fires when the connection is gone. One for all the messages that come by it. */
function linkOf(socket: Socket): AbortSignal {
  const known = links.get(socket)
  if (known) return known
  const gone = new AbortController()
  socket.once("close", () => gone.abort())
  if (socket.destroyed) gone.abort()
  links.set(socket, gone.signal)
  return gone.signal
}
