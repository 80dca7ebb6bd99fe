/** What `npm start` gives Node: V8's space for young objects takes up to 48 MiB a thread where there is much memory, and is no faster with it. */
export const STARTED = ["--max-semi-space-size=8"]

/** What `infra/stored.service` sets, and docs/operations.md tells of: without limits V8 and glibc take what a large machine offers. */
export const LIMITS = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: "131072",
  NODE_OPTIONS: "--max-old-space-size=96 --max-semi-space-size=4",
}
