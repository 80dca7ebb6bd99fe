/**
 * Rates, exact to the request: a bucket each for whoever is counted holds up to `burst` and fills by `perSecond`; a request takes one.
 *
 * `@fastify/rate-limit` is not used for this: it counts in windows, so that twice as many come through at their border, knows one limit a route where ours is the token's own, and
 * would have to be told of wrong tokens apart. In memory and for this process: there is one server to a data directory.
 */
import { isIPv6 } from "node:net"
import type { RequestRate } from "../../core/token-settings.ts"

/** Those that were not used for longest are forgotten, so that nobody fills the memory with names. */
const MOST = 50_000

export class Buckets {
  readonly #buckets = new Map<string, { level: number; at: number }>()
  readonly #now: () => number

  /** @param now ms that never go back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Takes one; 0 where there was one, else the ms until there is. */
  take(name: string, rate: RequestRate): number {
    const level = this.#levelOf(name, rate)
    const taken = level >= 1
    this.#keep(name, taken ? level - 1 : level)
    return taken ? 0 : ((1 - level) / rate.perSecond) * 1_000
  }

  /** Whether there is none to take. */
  isSpent(name: string, rate: RequestRate): boolean {
    return this.#buckets.has(name) && this.#levelOf(name, rate) < 1
  }

  #levelOf(name: string, { perSecond, burst }: RequestRate): number {
    const bucket = this.#buckets.get(name)
    return bucket ? Math.min(burst, bucket.level + ((this.#now() - bucket.at) / 1_000) * perSecond) : burst
  }

  #keep(name: string, level: number): void {
    this.#buckets.delete(name)
    this.#buckets.set(name, { level, at: this.#now() })
    if (this.#buckets.size <= MOST) return
    for (const oldest of this.#buckets.keys()) {
      this.#buckets.delete(oldest)
      return
    }
  }
}

/** Whom an address stands for: of IPv6 the network, because everybody has a whole one to choose from. */
export function neighbourhood(address: string): string {
  if (!isIPv6(address)) return address
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? []
  if (mapped !== undefined) return mapped
  const [head = "", tail] = address.toLowerCase().replace(/%.*$/, "").split("::")
  const before = head === "" ? [] : head.split(":")
  const after = tail === undefined || tail === "" ? [] : tail.split(":")
  const gap = tail === undefined ? [] : Array<string>(Math.max(0, 8 - before.length - after.length)).fill("0")
  return `${[...before, ...gap, ...after].slice(0, 4).join(":")}::/64`
}
