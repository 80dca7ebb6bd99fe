/** What our compose file may say; strict, so that a slip of the pen is no new setting. */
import * as z from "zod"

const duration = z.string().regex(/^\d+(?:ms|s|m)$/)
const words = z.array(z.string().min(1)).min(1)

const service = z.strictObject({
  image: z.string().regex(/^\S+:\d+\.\d+\.\d+\S*$/, "name the whole version"),
  build: z.strictObject({ context: z.literal("."), dockerfile: z.literal("infra/Dockerfile") }).optional(),
  user: z.string().optional(),
  entrypoint: words.optional(),
  command: words.optional(),
  environment: z.record(z.string().regex(/^[A-Z_]+$/), z.string()).optional(),
  volumes: z.array(z.string().regex(/^[\w./-]+:\/[\w./-]+(?::ro)?$/)).optional(),
  tmpfs: z.array(z.string().regex(/^\/\S+$/)).optional(),
  networks: words,
  ports: z.array(z.string().regex(/^\S+:\d+$/)).optional(),
  healthcheck: z
    .strictObject({
      test: words.optional(),
      interval: duration.optional(),
      timeout: duration.optional(),
      retries: z.int().optional(),
      disable: z.boolean().optional(),
    })
    .optional(),
  depends_on: z.record(z.string(), z.strictObject({ condition: z.literal("service_healthy") })).optional(),
  read_only: z.boolean(),
  cap_drop: words,
  security_opt: words,
  stop_grace_period: duration.optional(),
  restart: z.enum(["unless-stopped", "always"]),
})

export const composeSchema = z.strictObject({
  name: z.string(),
  services: z.record(z.string(), service),
  networks: z.record(z.string(), z.strictObject({ internal: z.boolean().optional() })),
  volumes: z.record(z.string(), z.strictObject({})),
})
