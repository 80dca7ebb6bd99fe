/**
 * The `fs` driver as one that needs secrets: `token`, and `login.password` inside another setting. It opens only for the right token, however that is given,
 * and finds something out. The user `sick` finds it open and gets no answer from it, and `hung` never gets in. To be put in the place of `fs` by `vi.mock`.
 */
import * as z from "zod"
import type { BackendServices, CallOptions } from "../../src/backends/backend.ts"
import type { Driver } from "../../src/backends/driver.ts"
import { StoredError } from "../../src/core/error.ts"
import type { JsonObject } from "../../src/core/json.ts"
import { resolveSecret } from "../../src/core/secret-reference.ts"

/** What is to be found nowhere. */
export const CANARY = "canary-5c1e77f0"
export const PASSWORD = "canary-b3a90d42"

const login = z.strictObject({ user: z.string().optional(), password: z.string().optional() })

type FsModule = typeof import("../../src/backends/fs.ts")

/** `vi.mock("…/src/backends/fs.ts", vaultInPlaceOfFs)` */
export async function vaultInPlaceOfFs(original: () => Promise<unknown>): Promise<FsModule> {
  const { fsDriver, FsBackend, ...rest } = (await original()) as FsModule
  const plain = fsDriver.schema as z.ZodObject

  class VaultBackend extends FsBackend {
    declare abilities?: JsonObject
    readonly #token: string | undefined
    readonly #known: JsonObject | undefined
    readonly #user: string | undefined

    constructor(config: JsonObject, services: BackendServices) {
      const { token, login: as, ...settings } = config
      super(settings as ConstructorParameters<FsModule["FsBackend"]>[0], services)
      this.#token = token as string | undefined
      this.#known = services.knownAbilities
      this.#user = login.optional().parse(as)?.user
    }

    override async healthCheck(options?: CallOptions): Promise<void> {
      if (this.#user === "sick")
        throw new StoredError("BACKEND_UNAVAILABLE", "The vault does not answer.", { retryable: true })
      await super.healthCheck(options)
    }

    override async open(options?: { readOnly?: boolean }): Promise<void> {
      if (this.#token !== undefined && (await resolveSecret(this.#token, "token")) !== CANARY)
        throw new StoredError("PERMISSION_DENIED", "The vault does not know this token; give the right one.")
      if (this.#user === "hung") await new Promise<never>(() => {})
      await super.open(options)
      if (this.#token !== undefined) this.abilities = this.#known ?? { version: 1, found: crypto.randomUUID() }
    }
  }

  const driver: Driver = {
    ...fsDriver,
    schema: plain.extend({ token: z.string().min(1).optional(), login: login.optional() }),
    secretFields: ["token", "login.password"],
    create: (config, services) =>
      new VaultBackend(
        plain.extend({ token: z.string().optional(), login: login.optional() }).parse(config) as JsonObject,
        services,
      ),
  }
  return { ...rest, FsBackend, fsDriver: driver }
}
