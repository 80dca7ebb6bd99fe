/** Addresses that the server signs, whole: they begin with the server's own, unless another is given. */
import { checkOptions } from "../store/check-options.ts"
import type { SignedUrl, SignedUrlOptions } from "../store/store.ts"
import type { Link } from "./link.ts"
import { jsonBody } from "./send-body.ts"

/** @throws StoredError NOT_FOUND, INVALID_INPUT, INVALID_KEY, SECRET_UNAVAILABLE */
export async function signedUrl(link: Link, idOrKey: string, options: SignedUrlOptions = {}): Promise<SignedUrl> {
  const { method, expires, maxSize, contentHash, ifAbsent, download, base } = checkOptions("signedUrl", options)
  return link.json<SignedUrl>({
    method: "POST",
    path: "/v1/signed-urls",
    body: jsonBody({
      name: idOrKey,
      method,
      expires,
      maxSize,
      contentHash,
      ifAbsent,
      download,
      base: base ?? link.address,
    }),
  })
}

export async function revokeSignedUrls(link: Link): Promise<void> {
  await link.finish({ method: "DELETE", path: "/v1/signed-urls" })
}
