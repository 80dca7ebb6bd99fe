/**
 * Looks, whenever the way to Redis is there, at whether that Redis keeps what it is given, and says in a sentence what is to be changed. Nothing
 * depends on it: what Redis forgets is sent again from the outbox. But a Redis that evicts keys breaks its queues in the middle, and one without AOF
 * has every job sent again after it restarts.
 */
import { connectRedis } from "./redis.ts"
import type { Transport } from "./transport.ts"

/** ms */
const ANSWER_DEADLINE = 5_000

export interface RedisHealthOptions {
  url: string
  /** what tells that Redis answers; each time may be another Redis, after a failover */
  transport: Pick<Transport, "onReady">
  /** told each sentence, and not again while nothing else was found */
  advise(sentence: string): void
}

/** Begins to look; the function that it returns ends it. */
export function watchRedisHealth({ url, transport, advise }: RedisHealthOptions): () => void {
  let said = ""
  let end = (): void => {}
  // Never rejects.
  const look = async (): Promise<void> => {
    end()
    const closing = new AbortController()
    end = () => closing.abort()
    const sentences = await redisAdvice(url, closing.signal)
    if (closing.signal.aborted || said === sentences.join()) return
    said = sentences.join()
    for (const sentence of sentences) advise(sentence)
  }
  const forget = transport.onReady(look)
  return () => {
    forget()
    end()
  }
}

const UNSEEN = "It could not be seen how this Redis is set up"
const WANTED = "see that its maxmemory-policy is noeviction and that AOF is on (appendonly yes)"

/** What should be changed about this Redis, or why that could not be seen. Never rejects. */
export async function redisAdvice(url: string, signal: AbortSignal): Promise<string[]> {
  const lost = Promise.withResolvers<never>()
  const stop = (): void => lost.reject(new Error("the look was ended"))
  signal.addEventListener("abort", stop, { once: true })
  const options = { enableReadyCheck: false, retryStrategy: () => null, commandTimeout: ANSWER_DEADLINE }
  const redis = connectRedis(url, options, { lost: lost.reject, found: () => {} })
  try {
    // INFO and not CONFIG GET: the latter shows passwords to whoever may use it, and managed Redis mostly forbids it.
    const sections = Promise.all([redis.info("memory"), redis.info("persistence")])
    return adviceOf((await Promise.race([lost.promise, sections])).join("\n"))
  } catch (error) {
    return [`${UNSEEN} (${error instanceof Error ? error.message : String(error)}): ${WANTED}.`]
  } finally {
    signal.removeEventListener("abort", stop)
    redis.disconnect()
  }
}

function adviceOf(info: string): string[] {
  const facts = new Map([...info.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name, value]))
  const policy = facts.get("maxmemory_policy")
  const appendOnly = facts.get("aof_enabled")
  if (policy === undefined || appendOnly === undefined) return [`${UNSEEN} (its INFO leaves it out): ${WANTED}.`]
  const found: string[] = []
  if (policy !== "noeviction")
    found.push(
      `The maxmemory-policy of this Redis is ${policy}: it drops parts of queues when it is full; set it to noeviction.`,
    )
  if (appendOnly !== "1")
    found.push("AOF is off in this Redis: after a restart every job has to be sent again; set appendonly yes.")
  return found
}
