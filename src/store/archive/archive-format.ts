/** The formats of archives, and what each takes and says. */
import { StoredError } from "../../core/error.ts"
import { shown } from "../check-options.ts"

export const ARCHIVE_FORMATS = ["zip", "tar", "tar.gz"] as const
export type ArchiveFormat = (typeof ARCHIVE_FORMATS)[number]

export const ARCHIVE_TYPES: Readonly<Record<ArchiveFormat, string>> = {
  zip: "application/zip",
  tar: "application/x-tar",
  "tar.gz": "application/gzip",
}

/** How hard it is compressed where nobody says: a zip and a tar have the bytes as they are, so that their length is known beforehand. */
const LEVELS: Readonly<Record<ArchiveFormat, number>> = { zip: 0, tar: 0, "tar.gz": 6 }

/** @throws StoredError INVALID_INPUT */
export function parseFormat(format: unknown = "zip"): ArchiveFormat {
  const found = ARCHIVE_FORMATS.find((one) => one === format)
  if (found) return found
  throw new StoredError("INVALID_INPUT", `format is ${shown(format)}; give ${ARCHIVE_FORMATS.join(", ")}.`, {
    details: { option: "format" },
  })
}

/** A level of zlib, 0 to 9; 0 leaves the bytes as they are. @throws StoredError INVALID_INPUT */
export function parseLevel(format: ArchiveFormat, level: unknown = LEVELS[format]): number {
  const isLevel = Number.isInteger(level) && (level as number) >= 0 && (level as number) <= 9
  if (isLevel && (format !== "tar" || level === 0)) return level as number
  const rule = format === "tar" ? "leave it out, or ask for tar.gz" : "give a whole number from 0 to 9"
  throw new StoredError("INVALID_INPUT", `compress is ${shown(level)}; ${rule}.`, { details: { option: "compress" } })
}

/** Types whose bytes are compressed already: trying again costs time and gains nothing. */
const PACKED = [
  /^(?:image|audio|video)\/(?!svg|bmp|x-ms-bmp|tiff|wav|x-wav|aiff|x-aiff)/,
  /^application\/(?:zip|gzip|x-gzip|x-7z-compressed|x-rar-compressed|vnd\.rar|x-bzip2?|x-xz|zstd|x-zstd|x-compress)/,
  /^application\/(?:java-archive|epub\+zip|vnd\.openxmlformats|vnd\.oasis\.opendocument|vnd\.android\.package-archive)/,
  /^font\/woff/,
]

export function isPacked(mimeType: string): boolean {
  return PACKED.some((kind) => kind.test(mimeType))
}
