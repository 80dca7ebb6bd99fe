/** The agreed names of metrics, and what expressions of Prometheus ask for. */

const SIMPLE = [
  "stored_queue_jobs",
  "stored_queue_oldest_seconds",
  "stored_job_failures_total",
  "stored_jobs_not_understood_total",
  "stored_bytes_total",
  "stored_cache_hits_total",
  "stored_cache_misses_total",
  "stored_cache_bytes",
  "stored_breaker_state",
  "stored_backend_paused",
  "stored_scan_looks",
  "stored_scan_known_as_of_seconds",
  "stored_workers",
  "stored_requests_total",
  "stored_request_errors_total",
  "stored_requests_in_flight",
]
const HISTOGRAMS = ["stored_job_seconds", "stored_request_seconds"]
/** Prometheus says itself of each of its targets whether it answers. */
const OF_PROMETHEUS = ["up"]
const AGREED = [
  ...SIMPLE,
  ...HISTOGRAMS.flatMap((name) => ["_bucket", "_sum", "_count"].map((end) => name + end)),
  ...OF_PROMETHEUS,
]

const WORDS = new Set([
  "sum",
  "rate",
  "histogram_quantile",
  "by",
  "on",
  "and",
  "or",
  "unless",
  "max",
  "min",
  "increase",
  "label_replace",
])

/** Names of metrics in an expression: what is neither a label, nor a text, nor a word of the language. */
export function metricNames(expression: string): string[] {
  const bare = expression
    .replace(/"[^"]*"/g, "")
    .replace(/\{[^}]*\}|\[[^\]]*\]/g, " ")
    .replace(/\b(?:by|on)\s*\([^)]*\)/g, " ")
  return (bare.match(/[a-zA-Z_:][\w:]*/g) ?? []).filter((word) => !WORDS.has(word))
}

export function unknownMetrics(expression: string): string[] {
  return metricNames(expression).filter((name) => !AGREED.includes(name))
}
