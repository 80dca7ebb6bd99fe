/**
 * A backend's settings on their way into the catalog and back (R26). In the row each secret stands as `***`, and sealed beside it; a reference (`env:NAME`,
 * `file:PATH`) stands there as it is.
 */
import { isSecret, REDACTED, redactBackendConfig, secretFieldsOf } from "../backends/registry.ts"
import { putSetting, settingAt } from "../backends/setting-path.ts"
import type { BackendRecord } from "../catalog/record.ts"
import { invalidConfig } from "../core/config.ts"
import { StoredError } from "../core/error.ts"
import type { JsonObject } from "../core/json.ts"
import { type Sealed, seal, unseal } from "../core/seal.ts"
import type { KeyRing } from "./key-ring.ts"

type Kept = Pick<BackendRecord, "config" | "secrets">

export class BackendSecrets {
  readonly #ring: KeyRing

  constructor(ring: KeyRing) {
    this.#ring = ring
  }

  /**
   * Settings as they are kept.
   * @param known every row of the catalog
   * @throws StoredError SECRET_UNAVAILABLE where there is a secret, and no key to seal it
   */
  async seal(name: string, settings: JsonObject, known: readonly BackendRecord[]): Promise<Kept> {
    const fields = secretFieldsOf(settings).filter((field) => isSecret(settingAt(settings, field)))
    if (fields.length === 0) return { config: redactBackendConfig(settings) }
    const key = await this.#ring.sealing(known.some((record) => record.name !== name && record.secrets !== undefined))
    const sealed = fields.map(
      (field) => [field, seal(key, settingAt(settings, field)!, { backend: name, field })] as const,
    )
    return { config: redactBackendConfig(settings), secrets: Object.fromEntries(sealed) }
  }

  /** Whole settings from a row. @throws StoredError SECRET_UNAVAILABLE */
  async unseal({ name, config, secrets = {} }: BackendRecord): Promise<JsonObject> {
    const whole = structuredClone(config)
    const keys = await this.#ring.keysFor(Object.values(secrets).map(({ key }) => key))
    for (const [field, sealed] of Object.entries(secrets))
      putSetting(whole, field, unseal(keys, sealed, { backend: name, field }))
    const absent = secretFieldsOf(whole).find((field) => settingAt(whole, field) === REDACTED)
    if (absent === undefined) return whole
    throw new StoredError(
      "SECRET_UNAVAILABLE",
      `The setting "${absent}" of backend "${name}" was not kept by the version that was given it; give it again.`,
      { details: { backend: name, field: absent } },
    )
  }

  /** Whether a row has secrets that are not sealed, or under an older key. @throws StoredError SECRET_UNAVAILABLE */
  async isStale({ config, secrets }: Kept): Promise<boolean> {
    const values = secretFieldsOf(config).map((field) => settingAt(config, field))
    if (values.some((value) => isSecret(value) && value !== REDACTED)) return true
    if (!secrets) return false
    const current = await this.#ring.current()
    return Object.values(secrets).some((sealed: Sealed) => sealed.key !== current?.id)
  }
}

/**
 * Settings in which `***` stands for the secret that is kept.
 * @param kept whole settings of that backend, null where there are none
 * @throws StoredError INVALID_CONFIG
 */
export function withKeptSecrets(name: string, settings: JsonObject, kept: JsonObject | null): JsonObject {
  const fields = redactedFields(settings)
  if (fields.length === 0) return settings
  const source = kept && kept.driver === settings.driver ? kept : {}
  const absent = fields.filter((field) => settingAt(source, field) === undefined)
  if (absent.length > 0) {
    const message = `"${REDACTED}" stands for the secret that is kept, and none is; give it`
    throw invalidConfig(absent.map((field) => ({ path: `backends.${name}.${field}`, message })))
  }
  const whole = structuredClone(settings)
  for (const field of fields) putSetting(whole, field, settingAt(source, field)!)
  return whole
}

/** Whether any secret is to be taken from what is kept. */
export function asksForKept(settings: JsonObject): boolean {
  return redactedFields(settings).length > 0
}

function redactedFields(settings: JsonObject): string[] {
  return secretFieldsOf(settings).filter((field) => settingAt(settings, field) === REDACTED)
}
