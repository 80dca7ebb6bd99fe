/** The words after `npm start --`: flags that stand for variables of the environment. */
import { parseArgs } from "node:util"
import { StoredError } from "../core/error.ts"

/** The environment with what the words say put in. @throws StoredError INVALID_INPUT for any other word */
export function withServerFlags(
  words: readonly string[],
  variables: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> {
  try {
    const { values } = parseArgs({ args: [...words], options: { "insecure-redis": { type: "boolean" } } })
    return values["insecure-redis"] ? { ...variables, STORED_INSECURE_REDIS: "1" } : variables
  } catch (cause) {
    throw new StoredError(
      "INVALID_INPUT",
      "The service takes one flag, --insecure-redis; everything else is said by the environment and STORED_CONFIG.",
      { cause },
    )
  }
}
