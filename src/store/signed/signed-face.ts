/** What signed addresses are made of, and what is made of them. */
export interface SignedUrlOptions {
  /** default GET, which serves HEAD too */
  method?: "GET" | "PUT"
  /** seconds that it holds, at most a week; default 3,600 */
  expires?: number
  /** PUT: bytes, at most */
  maxSize?: number
  /** `sha256:<hex>` or another one. PUT: of what is sent. GET: of what is served; other content under that key is refused */
  contentHash?: string
  /** PUT: refused where the key exists, so that it is used once at most */
  ifAbsent?: boolean
  /** GET: saved rather than shown, under this name or, with `true`, its own */
  download?: string | boolean
  /** of the server, to begin the address with: `https://files.example`. Absent: it begins with a slash */
  base?: string
  /** id of the token that it is signed for: it holds no longer than that one is good, and what is put by it is put by that token */
  token?: string
}

export interface SignedUrl {
  url: string
  method: "GET" | "PUT"
  /** UTC ms */
  expires: number
}

/** What an address allows whoever has it, once its signature was found to be right. */
export interface SignedGrant {
  method: "GET" | "PUT"
  /** key, or id where it is a GET */
  name: string
  /** UTC ms */
  expires: number
  maxSize: number | null
  contentHash: string | null
  ifAbsent: boolean
  /** null: as it is shown; empty: saved under its own name */
  download: string | null
  /** one that is not the present one was revoked */
  epoch: number
  /** id of the token that it was signed for, null where it was none's; one that is good no more takes the address along */
  token: string | null
}

export interface SignedFace {
  /**
   * An address with which somebody without a token reads or writes this one object for a while.
   * @throws NOT_FOUND (GET), INVALID_INPUT, INVALID_KEY, SECRET_UNAVAILABLE
   */
  signedUrl(idOrKey: string, options?: SignedUrlOptions): Promise<SignedUrl>
  /** Makes every address that was signed until now worthless. */
  revokeSignedUrls(options?: { principal?: string; requestId?: string }): Promise<void>
}

/** For whoever serves them. */
export interface SignedDoor {
  /** @throws FORBIDDEN for one that was changed, has expired or was revoked, itself or its token; SECRET_UNAVAILABLE */
  checkSignedUrl(request: { method: string; name: string; query: unknown }): Promise<SignedGrant>
  /** Asked again right before a put is committed. @throws FORBIDDEN where it has expired or was revoked, itself or its token */
  requireUnexpired(grant: SignedGrant): void
  /** The provider's own address of a proven copy, where a backend is set to hand it out (R17); null: the store serves it. */
  redirectSigned(
    grant: SignedGrant,
    how: { mimeType: string; fileName?: string; signal?: AbortSignal },
  ): Promise<{ url: string; backend: string } | null>
}
