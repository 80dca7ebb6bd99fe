/** Whom a request comes from, as far as anybody knows before a token is looked at. */
import { isIP } from "node:net"
import type { FastifyRequest } from "fastify"

export interface Caller {
  /** the header as it came */
  authorization: string | undefined
  /** that it came from */
  address: string
}

export function callerOf(request: FastifyRequest): Caller {
  return { authorization: request.headers.authorization, address: addressOf(request) }
}

/** The client's address where a trusted proxy tells it (`trusted-proxies.ts`), else whoever is at the other end. What a proxy hands on and is no address is nobody's. */
export function addressOf({ ip, raw }: FastifyRequest): string {
  return isIP(ip ?? "") !== 0 ? ip : (raw.socket.remoteAddress ?? "")
}
