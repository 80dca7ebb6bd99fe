/** Who may use a route, as data: every route has one, and an application with a route that has none is not built. */
export type Policy =
  /** whoever reaches the server; `why` nobody is asked who they are */
  | { open: true; why: string }
  | {
      /** what a caller must be allowed to do; `metrics`: to read what is counted */
      scope: "read" | "write" | "admin" | "worker" | "metrics"
      on: PolicyTarget
    }

/**
 * What it must be allowed on. `key`, `name` (a key or checksum), `blob` (a checksum) and `backend` are what the path names; `named`: keys or a prefix that the query
 * or body names, which the route's own function asks about before it does anything; `kept`: the answer holds only what the caller may see; `whole`: the store as such.
 */
export type PolicyTarget = "key" | "name" | "blob" | "backend" | "named" | "kept" | "whole"

/** Where a route's policy hangs on Fastify's own record of it. */
declare module "fastify" {
  interface FastifyContextConfig {
    policy?: Policy
  }
}
