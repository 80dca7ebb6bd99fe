/** Tokens as answers show them. */
import * as z from "zod"
import { SCOPES } from "../../core/access.ts"
import type { IssuedToken, TokenInfo } from "../../store/store.ts"
import { bytes, utcMs } from "./pieces.ts"

const info = z.object({
  id: z.string().describe("public: the journal names who did something `token:<id>`"),
  name: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  prefixes: z.array(z.string()).nullable().describe("folders that end in a slash, and keys; null: every key"),
  backends: z.array(z.string()).nullable().describe("null: every backend"),
  rate: z.object({ perSecond: z.number(), burst: z.int() }).nullable(),
  quota: z.object({ bytes: bytes.nullable(), objects: z.int().nullable() }).nullable(),
  usage: z.object({ bytes, objects: z.int() }).nullable().describe("what lies in its namespace, whoever put it"),
  created: utcMs,
  expires: utcMs.nullable(),
  revoked: utcMs.nullable(),
  lastUsed: utcMs.nullable().describe("kept roughly"),
  overlapUntil: utcMs.nullable().describe("until when the secret before the last rotation is good too"),
})

export const token: z.ZodType<TokenInfo> = info.meta({ id: "Token" })

export const issuedToken: z.ZodType<IssuedToken> = info
  .extend({ token: z.string().describe("what its bearer sends; shown this once") })
  .meta({ id: "IssuedToken" })
