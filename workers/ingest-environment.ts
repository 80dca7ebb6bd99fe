/** What the environment allows a worker to ingest: `STORED_INGEST_ROOTS`, `STORED_INGEST_URLS`, `STORED_INGEST_PRIVATE`. Nothing, unless it is named. */
import { isAbsolute, resolve } from "node:path"
import * as z from "zod"
import type { IngestLimits } from "./ingest-content.ts"

const ROOTS = "expected absolute paths with colons between them, as in /srv/in:/mnt/scans"
const URLS = "expected https://host/prefix, several with blanks or commas between them, without credentials or query"

export const ingestVariables = {
  STORED_INGEST_ROOTS: z
    .string()
    .default("")
    .transform((text) => text.split(":").filter((path) => path !== ""))
    .refine((paths) => paths.every(isAbsolute), ROOTS)
    .transform((paths) => paths.map((path) => resolve(path))),
  STORED_INGEST_URLS: z
    .string()
    .default("")
    .transform((text) => text.split(/[\s,]+/).filter((url) => url !== ""))
    .refine((urls) => urls.every(isPrefix), URLS)
    .transform((urls) => urls.map((url) => new URL(url))),
  STORED_INGEST_PRIVATE: z.enum(["0", "1"], "expected 1, or 0").default("0"),
  STORED_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]+$/, "expected visible ASCII characters without blanks")
    .optional(),
}

type Variables = z.output<z.ZodObject<typeof ingestVariables>>

export interface IngestEnvironment {
  limits: IngestLimits
  /** what is shown to the server's HTTP API, null where it asks for nothing; never shown */
  token: string | null
}

export function ingestEnvironment(variables: Variables): IngestEnvironment {
  const { STORED_INGEST_ROOTS: roots, STORED_INGEST_URLS: prefixes, STORED_INGEST_PRIVATE } = variables
  return {
    limits: { roots, urls: { prefixes, allowPrivate: STORED_INGEST_PRIVATE === "1" } },
    token: variables.STORED_TOKEN ?? null,
  }
}

/** Whether there is anything outside of the queue that it may read. */
export function allowsSources({ roots, urls }: IngestLimits): boolean {
  return roots.length > 0 || urls.prefixes.length > 0
}

function isPrefix(text: string): boolean {
  const url = URL.parse(text)
  const isBare = url?.username === "" && url.password === "" && url.search === "" && url.hash === ""
  return isBare && url.protocol === "https:"
}
