/**
 * `GET /v1/archive?prefix=photos/&format=zip|tar|tar.gz&compress=&name=&fallback=` and `POST /v1/archive` with `{ keys | prefix, … }`: many objects as one
 * file, one after the other as it is read.
 */
import { ARCHIVE_ANSWERS, archiveBody, archiveQuery, describeArchive, MOST_BODY, serveArchive } from "../archive.ts"
import { type Route, route } from "../route.ts"

const shared = {
  path: "/v1/archive",
  tag: "objects",
  policy: { scope: "read", on: "named" },
} as const satisfies Partial<Route>

export const getArchive = route({
  ...shared,
  method: "GET",
  operation: "getArchive",
  summary: "All objects of a folder as one file.",
  description: "A source that fails midway cuts the connection: an archive that came to its end is whole.",
  query: archiveQuery,
  answers: ARCHIVE_ANSWERS,
  handle: (call) => serveArchive(call, call.query),
})

export const headArchive = route({
  ...shared,
  method: "HEAD",
  operation: "headArchive",
  summary: "The headers of such a file.",
  query: archiveQuery,
  answers: { 200: { is: "What GET would say." } },
  handle: (call) => describeArchive(call, call.query),
})

export const postArchive = route({
  ...shared,
  method: "POST",
  operation: "postArchive",
  summary: "Objects that are named, or all of a folder, as one file.",
  body: archiveBody,
  most: MOST_BODY,
  answers: ARCHIVE_ANSWERS,
  handle: async (call) => serveArchive(call, await call.body()),
})
