/** What `infra/stored.service` sets, and docs/operations.md tells of: without limits V8 and glibc take what a large machine offers. */
export const LIMITS = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: "131072",
  NODE_OPTIONS: "--max-old-space-size=96 --max-semi-space-size=4",
}
