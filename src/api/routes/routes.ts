/** Every route, as a visible list; each GET has its HEAD. */
import { withHeads } from "../implied-heads.ts"
import type { Route } from "../route.ts"
import { getArchive, headArchive, postArchive } from "./archive.ts"
import { getBackend, listBackends, putBackend, removeBackend, testBackend } from "./backends.ts"
import { clearCache, evictCache, getCache } from "./cache.ts"
import { copyObject, moveObject } from "./copy.ts"
import { deleteBlob, deleteObject } from "./delete-object.ts"
import { deleteObjects } from "./delete-objects.ts"
import { drift, heal } from "./drift.ts"
import { events } from "./events.ts"
import { failed } from "./failed.ts"
import { getBlob, headBlob } from "./get-blob.ts"
import { getMetadata } from "./get-metadata.ts"
import { getObject, headObject } from "./get-object.ts"
import { health } from "./health.ts"
import { idle } from "./idle.ts"
import { internalConfiguration } from "./internal-configuration.ts"
import { internalContent } from "./internal-content.ts"
import { internalExchange } from "./internal-exchange.ts"
import { internalSuspect } from "./internal-suspect.ts"
import { journal } from "./journal.ts"
import { listObjects } from "./list-objects.ts"
import { look } from "./look.ts"
import { metrics } from "./metrics.ts"
import { notify } from "./notify.ts"
import { pauseBackend, resumeBackend } from "./pause-backend.ts"
import { postObject, putObject } from "./put-object.ts"
import { ready } from "./ready.ts"
import { retry } from "./retry.ts"
import { cancelScan, getScan, pauseScan, startScan } from "./scan.ts"
import { getSigned, headSigned, putSigned, revokeSignedUrls, signUrl } from "./signed-url.ts"
import { status } from "./status.ts"
import { synced } from "./synced.ts"
import { createToken, getToken, listTokens, revokeToken, rotateToken } from "./tokens.ts"
import { cancelValidate, getValidate, pauseValidate, startValidate } from "./validate.ts"
import { why } from "./why.ts"

export const ROUTES: readonly Route[] = withHeads([
  putObject,
  postObject,
  getObject,
  headObject,
  deleteObject,
  copyObject,
  moveObject,
  deleteObjects,
  listObjects,
  getBlob,
  headBlob,
  deleteBlob,
  getMetadata,
  why,
  synced,
  getArchive,
  headArchive,
  postArchive,
  signUrl,
  revokeSignedUrls,
  getSigned,
  headSigned,
  putSigned,
  listBackends,
  getBackend,
  putBackend,
  testBackend,
  removeBackend,
  pauseBackend,
  resumeBackend,
  startScan,
  getScan,
  pauseScan,
  cancelScan,
  startValidate,
  getValidate,
  pauseValidate,
  cancelValidate,
  look,
  drift,
  heal,
  notify,
  listTokens,
  createToken,
  getToken,
  rotateToken,
  revokeToken,
  getCache,
  evictCache,
  clearCache,
  events,
  journal,
  failed,
  retry,
  idle,
  status,
  health,
  ready,
])

/** Those for workers, which are there only where a worker token is set. */
export const INTERNAL_ROUTES: readonly Route[] = [
  internalConfiguration,
  internalExchange,
  internalContent,
  internalSuspect,
]

/** There only where something is counted. */
export const METRICS_ROUTES: readonly Route[] = withHeads([metrics])
