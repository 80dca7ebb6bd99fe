/** Which methods a path has, as one visible list: tells a wrong method (405) from an unknown path (404). */
const PATHS: readonly (readonly [path: RegExp, methods: readonly string[]])[] = [
  [/^\/v1\/objects$/, ["GET", "POST"]],
  [/^\/v1\/objects\/./, ["GET", "HEAD", "PUT", "DELETE"]],
  [/^\/v1\/blobs\/./, ["GET", "HEAD", "DELETE"]],
  [/^\/v1\/metadata\/./, ["GET"]],
  [/^\/v1\/status$/, ["GET"]],
  [/^\/v1\/synced\/./, ["GET"]],
  [/^\/v1\/idle$/, ["GET"]],
  [/^\/v1\/notifications\/./, ["POST"]],
  [/^\/v1\/backends$/, ["GET"]],
  [/^\/v1\/backends\/[^/]+\/(pause|resume|test|heal|look|scan\/pause)$/, ["POST"]],
  [/^\/v1\/backends\/[^/]+\/scan$/, ["GET", "POST", "DELETE"]],
  [/^\/v1\/backends\/[^/]+\/drift$/, ["GET"]],
  [/^\/v1\/backends\/./, ["GET", "PUT", "DELETE"]],
  [/^\/v1\/cache$/, ["GET"]],
  [/^\/v1\/cache\/(evict|clear)$/, ["POST"]],
  [/^\/v1\/events$/, ["GET"]],
  [/^\/v1\/journal$/, ["GET"]],
  [/^\/v1\/failed$/, ["GET"]],
  [/^\/v1\/retry$/, ["POST"]],
  [/^\/health$/, ["GET"]],
  [/^\/ready$/, ["GET"]],
]

/** Those for workers, which are there only where a worker token is set. */
const INTERNAL_PATHS: typeof PATHS = [
  [/^\/internal\/configuration$/, ["GET"]],
  [/^\/internal\/exchange$/, ["POST"]],
  [/^\/internal\/content\/./, ["GET"]],
  [/^\/internal\/suspect\/./, ["POST"]],
]

/** There only where something is counted. */
const METRICS_PATHS: typeof PATHS = [[/^\/metrics$/, ["GET"]]]

/** Null where there is no such path. */
export function allowedMethods(
  path: string,
  options: { internal: boolean; metrics: boolean },
): readonly string[] | null {
  const paths = [...PATHS, ...(options.internal ? INTERNAL_PATHS : []), ...(options.metrics ? METRICS_PATHS : [])]
  return paths.find(([pattern]) => pattern.test(path))?.[1] ?? null
}
