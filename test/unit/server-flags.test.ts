/** The words after `npm start --`. */
import { expect, it } from "vitest"
import { withServerFlags } from "../../src/api/server-flags.ts"

it("stand for variables, and win over them", () => {
  const variables = { STORED_INSECURE_REDIS: "0", STORED_PORT: "1" }
  expect(withServerFlags([], variables)).toEqual(variables)
  expect(withServerFlags(["--insecure-redis"], variables)).toEqual({ ...variables, STORED_INSECURE_REDIS: "1" })
})

it.each([["--port"], ["--insecure-redis=no"], ["sync"]])("other words are refused: %s", (word) => {
  expect(() => withServerFlags([word], {})).toThrow(/takes one flag, --insecure-redis/)
})
