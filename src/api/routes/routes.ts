/** Every route, as a visible list. */
import type { FastifyInstance } from "fastify"
import type { ApiServices } from "../services.ts"
import { backends } from "./backends.ts"
import { cache } from "./cache.ts"
import { deleteBlob } from "./delete-blob.ts"
import { deleteObject } from "./delete-object.ts"
import { drift } from "./drift.ts"
import { events } from "./events.ts"
import { failed } from "./failed.ts"
import { getBlob } from "./get-blob.ts"
import { getMetadata } from "./get-metadata.ts"
import { getObject } from "./get-object.ts"
import { health } from "./health.ts"
import { idle } from "./idle.ts"
import { journal } from "./journal.ts"
import { listObjects } from "./list-objects.ts"
import { notify } from "./notify.ts"
import { pauseBackend } from "./pause-backend.ts"
import { postObject } from "./post-object.ts"
import { putObject } from "./put-object.ts"
import { ready } from "./ready.ts"
import { retry } from "./retry.ts"
import { scan } from "./scan.ts"
import { status } from "./status.ts"
import { synced } from "./synced.ts"

type Route = (app: FastifyInstance, services: ApiServices) => void

/** Those that are the administrator's where a token for one is set. */
export const ADMIN_ROUTES: readonly Route[] = [backends, pauseBackend, scan, drift]

export const ROUTES: readonly Route[] = [
  notify,
  putObject,
  postObject,
  getObject,
  deleteObject,
  listObjects,
  getBlob,
  deleteBlob,
  getMetadata,
  synced,
  cache,
  events,
  journal,
  failed,
  retry,
  idle,
  status,
  health,
  ready,
]
