/** Makes a driver of the few things that only its author knows; what is the same for every backend is added here. */
import * as z from "zod"
import { StoredError } from "../core/error.ts"
import { keyTemplateSchema } from "../core/key-template.ts"
import { rateLimitSchema } from "../core/rate-limit.ts"
import { backendModeSchema, SCAN_SECRET_FIELDS, scanSchema } from "../core/scan-settings.ts"
import type { BackendServices, StorageBackend } from "./backend.ts"
import type { Driver } from "./driver.ts"

export interface DriverDefinition<Shape extends z.ZodRawShape> {
  /** what users write in `driver`: lower case letters, digits and "-", starting with a letter */
  name: string
  /** its own settings, as the fields of a zod object; settings that are not named here are mistakes */
  settings: Shape
  /** which of them are never shown or logged, and are sealed where they are kept; `login.token` is one inside another. Read them by `resolveSecret`, in `open` */
  secrets?: readonly string[]
  /** which of them are paths: relative ones are of the working directory of whoever gave them */
  paths?: readonly string[]
  /** true where its backends have `watch` */
  watches?: boolean
  /** Makes the backend, and does nothing else: all work begins in `open`. */
  create(settings: z.output<z.ZodObject<Shape>>, services: BackendServices): StorageBackend
}

const NAME = /^[a-z][a-z0-9-]{0,31}$/

/** @throws StoredError INVALID_CONFIG where the name is none, or a setting has the name of one that every backend has */
export function defineDriver<Shape extends z.ZodRawShape>(definition: DriverDefinition<Shape>): Driver {
  const { name, settings, secrets = [], paths = [], watches = false, create } = definition
  if (!NAME.test(name)) throw invalid(`"${name}" is no name of a driver; use lower case letters, digits and "-"`)
  const common = {
    driver: z.literal(name),
    watch: watches ? z.boolean().optional() : z.literal(false, "it cannot be watched; leave it out").optional(),
    concurrency: z.int().min(1).max(256).optional(),
    rateLimit: rateLimitSchema.optional(),
    keyTemplate: keyTemplateSchema.optional(),
    mode: backendModeSchema.optional(),
    scan: scanSchema.optional(),
  }
  const taken = Object.keys(settings).find((key) => key in common)
  if (taken)
    throw invalid(`The setting "${taken}" of driver "${name}" is one that every backend has; name it otherwise`)
  const own = z.object(settings)
  return {
    driver: name,
    schema: z.strictObject({ ...common, ...settings }),
    secretFields: [...secrets, ...SCAN_SECRET_FIELDS],
    pathFields: paths,
    create: (config, services) => create(own.parse(config), services),
  }
}

function invalid(sentence: string): StoredError {
  return new StoredError("INVALID_CONFIG", `${sentence}.`)
}
