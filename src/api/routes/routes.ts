/** Every route, as a visible list. */
import type { FastifyInstance } from "fastify"
import type { ApiServices } from "../services.ts"
import { deleteBlob } from "./delete-blob.ts"
import { deleteObject } from "./delete-object.ts"
import { getBlob } from "./get-blob.ts"
import { getMetadata } from "./get-metadata.ts"
import { getObject } from "./get-object.ts"
import { health } from "./health.ts"
import { listObjects } from "./list-objects.ts"
import { postObject } from "./post-object.ts"
import { putObject } from "./put-object.ts"
import { ready } from "./ready.ts"
import { status } from "./status.ts"

export const ROUTES: readonly ((app: FastifyInstance, services: ApiServices) => void)[] = [
  putObject,
  postObject,
  getObject,
  deleteObject,
  listObjects,
  getBlob,
  deleteBlob,
  getMetadata,
  status,
  health,
  ready,
]
