/** Whether a text is the address of a Redis. It may hold a password, so nobody repeats it. */
export function isRedisUrl(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^rediss?:$/.test(url.protocol) && url.hostname !== ""
}

export const REDIS_URL_RULE = "expected redis://host:port, rediss://user:password@host:port, or inline"
