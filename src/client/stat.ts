/** `stat`: null where there is nothing of that name, never an error for that. */
import { isStoredError } from "../core/error.ts"
import type { Metadata } from "../core/metadata.ts"
import type { Link } from "./link.ts"
import { encodeName } from "./path.ts"

/** @throws StoredError INVALID_KEY */
export async function stat(link: Link, idOrKey: string): Promise<Metadata | null> {
  try {
    return await link.json<Metadata>({ path: `/v1/metadata/${encodeName(idOrKey)}` })
  } catch (error) {
    if (isStoredError(error) && error.code === "NOT_FOUND") return null
    throw error
  }
}
