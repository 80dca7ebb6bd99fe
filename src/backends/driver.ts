/** What a driver module exports, so that the registry can check its settings and make it without knowing it. */
import type * as z from "zod"
import type { BackendServices, StorageBackend } from "./backend.ts"

export interface Driver {
  /** the name users write in `driver` */
  readonly driver: string
  /** everything a user may set, strict: unknown settings are mistakes */
  readonly schema: z.ZodType
  /** names of settings that are never shown or logged, sealed where they are kept; `credentials.token` is one inside another */
  readonly secretFields: readonly string[]
  /** names of settings that are paths, relative to the working directory where they are relative */
  readonly pathFields: readonly string[]
  /** its bytes live and die with the process that opened it: no other process can work for it */
  readonly inProcess?: boolean
  /** Makes the backend from settings that passed `schema`. Nothing happens until `open`. */
  create(config: unknown, services: BackendServices): StorageBackend
}
