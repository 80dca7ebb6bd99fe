/** The verbs of signed addresses, bound to the open parts. */
import { checkOptions } from "../check-options.ts"
import type { StoreServices } from "../services.ts"
import { checkSignedUrl, requireUnexpired } from "./check.ts"
import { revokeSignedUrls, signedUrl } from "./make.ts"
import { redirectSigned } from "./redirect.ts"
import type { SignedDoor, SignedFace } from "./signed-face.ts"

type Guard = <Result>(work: () => Promise<Result>) => Promise<Result>

export function signedOf(services: StoreServices, guard: Guard): SignedFace & SignedDoor {
  return {
    signedUrl: (idOrKey, options) => guard(() => signedUrl(services, idOrKey, checkOptions("signedUrl", options))),
    revokeSignedUrls: (options) => guard(() => revokeSignedUrls(services, checkOptions("revokeSignedUrls", options))),
    checkSignedUrl: (request) => guard(() => checkSignedUrl(services, request)),
    requireUnexpired: (grant) => requireUnexpired(services, grant),
    redirectSigned: (grant, how) => guard(() => redirectSigned(services, grant, how)),
  }
}
