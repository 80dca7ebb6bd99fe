/** Which methods a path has: tells a wrong method (405) from an unknown path (404). */
import { type Method, pathParts, type Route } from "./route.ts"

/** In the order in which an `Allow` header names them. */
const METHODS: readonly Method[] = ["GET", "HEAD", "PUT", "POST", "DELETE"]

/** @returns null where there is no such path */
export function allowedMethods(routes: readonly Route[], path: string): readonly Method[] | null {
  const matching = routes.filter((route) => isPathOf(route.path, path))
  if (matching.length === 0) return null
  // `/v1/backends/a/scan` is also a name at the end of `/v1/backends/{name}`: the longest fixed part is what is meant.
  const closest = Math.max(...matching.map(fixedLength))
  const methods = new Set(matching.filter((route) => fixedLength(route) === closest).map(({ method }) => method))
  return METHODS.filter((method) => methods.has(method))
}

function isPathOf(template: string, path: string): boolean {
  const parts = pathParts(template)
  if (!parts) return template === path
  const { before, after } = parts
  if (!path.startsWith(before) || !path.endsWith(after)) return false
  const name = path.slice(before.length, path.length - after.length)
  return name !== "" && (after === "" || !name.includes("/"))
}

function fixedLength({ path }: Route): number {
  const parts = pathParts(path)
  return parts ? parts.before.length + parts.after.length : path.length
}
