/** The address of a Redis, as a variable says it. It may hold a password, so nobody repeats it. */

/** Whether a text is the address of a Redis. */
export function isRedisUrl(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^rediss?:$/.test(url.protocol) && url.hostname !== ""
}

/** Whether it leads to this very machine, where nobody listens in on the way. Other spellings of it than these count as strange hosts. */
export function isLoopbackRedis(text: string): boolean {
  const host = URL.parse(text)?.hostname.toLowerCase() ?? ""
  return host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host)
}

/**
 * Whether nobody on the way there can read along or join in: it is on this machine, or it has a password and TLS. A Redis that everybody reaches
 * hands everybody the jobs, and in the past more than that.
 */
export function isGuardedRedis(text: string): boolean {
  const url = URL.parse(text)
  return isLoopbackRedis(text) || (url?.protocol === "rediss:" && url.password !== "")
}

export const REDIS_URL_RULE = "expected redis://host:port, rediss://user:password@host:port, or inline"

export const GUARDED_REDIS_RULE =
  "a Redis on another host needs TLS and a password, as in rediss://user:password@host:port; on a network that nobody else can reach, STORED_INSECURE_REDIS=1 does without"
