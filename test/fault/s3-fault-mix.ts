/** A share of all requests fails, each in one of the ways in which servers, and the way to them, do. */
import type { SeededRandom } from "./kill-random.ts"
import { errorBody, type Fault, type S3Request } from "./s3-proxy.ts"

export interface FaultMix {
  fault(request: S3Request): Fault | null
  requests: number
  /** kind → how many requests met it */
  counts: Map<string, number>
  /** Resolves once there were so many requests, or the signal fires. */
  reaches(requests: number, signal: AbortSignal): Promise<void>
}

interface Kind {
  name: string
  /** how often, among all that suit a request */
  weight: number
  suits(request: S3Request): boolean
  make(request: S3Request, random: SeededRandom): Fault
}

const always = (): boolean => true
/** bytes of the request's body */
const sent = ({ headers }: S3Request): number => Number(headers["content-length"] ?? 0)
const hasBody = (request: S3Request): boolean => sent(request) > 0
/** Only of objects: what a server says of itself has no checksum that anybody could compare. */
const readsObject = ({ operation }: S3Request): boolean => operation === "GetObject"

const KINDS: readonly Kind[] = [
  {
    name: "503 SlowDown",
    weight: 6,
    suits: always,
    make: () => ({ answer: 503, body: errorBody("SlowDown") }),
  },
  {
    name: "503 with Retry-After",
    weight: 1,
    suits: always,
    make: () => ({ answer: 503, body: errorBody("SlowDown"), headers: { "retry-after": "1" } }),
  },
  { name: "500", weight: 6, suits: always, make: () => ({ answer: 500, body: errorBody("InternalError") }) },
  { name: "reset before", weight: 5, suits: always, make: () => "reset" },
  { name: "reset after", weight: 6, suits: always, make: () => "lose-answer" },
  {
    name: "reset amid the body",
    weight: 4,
    suits: hasBody,
    make: (request, random) => ({ resetAfter: 1 + random.below(sent(request)) }),
  },
  {
    name: "bit of the body flipped",
    weight: 4,
    suits: hasBody,
    make: (request, random) => ({ flip: random.below(sent(request)) }),
  },
  {
    name: "answer cut",
    weight: 4,
    suits: ({ method }) => method === "GET" || method === "POST",
    make: (_request, random) => ({ cutAfter: 1 + random.below(200) }),
  },
  {
    name: "bit of the answer flipped",
    weight: 4,
    suits: readsObject,
    make: (_request, random) => ({ change: () => {}, body: (body) => flipped(body, random) }),
  },
  { name: "stall", weight: 1, suits: always, make: () => "stall" },
]

/** @param share of the requests, from 0 to 1 */
export function faultMix(share: number, random: SeededRandom): FaultMix {
  const waiting = new Map<() => void, number>()
  const mix: FaultMix = {
    requests: 0,
    counts: new Map(),
    reaches: (requests, signal) =>
      new Promise((resolve) => {
        waiting.set(resolve, requests)
        signal.addEventListener("abort", () => resolve(), { once: true })
      }),
    fault: (request) => {
      mix.requests += 1
      for (const [resolve, requests] of waiting) if (mix.requests >= requests && waiting.delete(resolve)) resolve()
      if (!random.chance(share)) return null
      const kind = pick(
        KINDS.filter(({ suits }) => suits(request)),
        random,
      )
      mix.counts.set(kind.name, (mix.counts.get(kind.name) ?? 0) + 1)
      return kind.make(request, random)
    },
  }
  return mix
}

function pick(kinds: readonly Kind[], random: SeededRandom): Kind {
  let left = random.below(kinds.reduce((sum, { weight }) => sum + weight, 0))
  const found = kinds.find(({ weight }) => {
    left -= weight
    return left < 0
  })
  if (!found) throw new Error("no fault suits this request")
  return found
}

function flipped(body: Buffer, random: SeededRandom): Buffer {
  if (body.length > 0) body[random.below(body.length)]! ^= 1
  return body
}
