/** Which codec writes which table. */
import { blobCodec } from "./blob-codec.ts"
import type { Codecs } from "./codec.ts"
import { journalCodec } from "./journal-codec.ts"
import { locationCodec } from "./location-codec.ts"
import { objectCodec } from "./object-codec.ts"
import { outboxCodec } from "./outbox-codec.ts"
import {
  backendCodec,
  configurationCodec,
  markCodec,
  namespaceCodec,
  numberCodec,
  parkedCodec,
  queueCodec,
  requestCodec,
  scanCodec,
  totalsCodec,
  validationCodec,
} from "./small-codecs.ts"
import { tokenCodec } from "./token-codec.ts"

export const CODECS: Codecs = {
  blobs: blobCodec,
  objectsByBlob: markCodec,
  locationsByBlob: markCodec,
  objects: objectCodec,
  checksums: markCodec,
  locations: locationCodec,
  outbox: outboxCodec,
  outboxDue: markCodec,
  parked: parkedCodec,
  journal: journalCodec,
  backends: backendCodec,
  configuration: configurationCodec,
  settings: numberCodec,
  totals: totalsCodec,
  queues: queueCodec,
  evictable: numberCodec,
  tombstones: numberCodec,
  generations: numberCodec,
  looks: numberCodec,
  scans: scanCodec,
  requests: requestCodec,
  tokens: tokenCodec,
  namespaces: namespaceCodec,
  validations: validationCodec,
}
