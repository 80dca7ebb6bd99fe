/**
 * What S3 servers and the way to them say, in our words: one table. Here it is decided what a later try can mend. Messages name the fault and its
 * remedy and never repeat what a server wrote, which may hold parts of a signature.
 */
import { ConflictError, type ErrorCode, NotFoundError, StoredError, toStoredError } from "../../core/error.ts"

type Row = readonly [code: ErrorCode, retryable: boolean, sentence: string]

const BUSY: Row = ["BACKEND_UNAVAILABLE", true, "the server asks for fewer requests"]
const FAULT: Row = ["BACKEND_UNAVAILABLE", true, "the server has a passing fault"]
const ALTERED: Row = ["BACKEND_UNAVAILABLE", true, "the bytes did not arrive as they were sent"]
const DENIED: Row = ["PERMISSION_DENIED", false, "access is denied; give these credentials the right to do it"]
const KEYS: Row = ["PERMISSION_DENIED", false, "the server does not take the credentials; correct them"]
const LATE: Row = ["TIMEOUT", true, "the server did not answer in time"]
const RACED: Row = ["CONFLICT", true, "something else was written there meanwhile"]
const FULL: Row = ["BACKEND_FULL", false, "the quota or the disk of the server is used up; make room or raise it"]
const PLACE: Row = [
  "INVALID_CONFIG",
  false,
  "the bucket is in another region or at another endpoint; correct the settings",
]
const SHAPE: Row = [
  "BACKEND_REFUSED",
  false,
  "the server does not take such a request; see whether it knows the storage class and encryption",
]
const LARGE: Row = ["BACKEND_REFUSED", false, "it is larger than the server takes"]
const AGAIN: Row = ["BACKEND_UNAVAILABLE", true, "the upload has to begin again"]
const GONE: Row = ["NOT_FOUND", false, "there is no such object"]
const UNABLE: Row = ["BACKEND_REFUSED", false, "the server cannot do this"]
const UNSAFE: Row = [
  "BACKEND_REFUSED",
  false,
  "the server's certificate is not to be trusted; correct it, or trust its issuer",
]

/** by the name that the server, the SDK or the system gives */
const BY_NAME: Readonly<Record<string, Row>> = {
  NoSuchKey: GONE,
  NotFound: GONE,
  NoSuchVersion: GONE,
  NoSuchBucket: ["BACKEND_REFUSED", false, "there is no such bucket; create it or correct its name"],
  InvalidBucketName: ["INVALID_CONFIG", false, "the bucket's name is not valid; correct it"],
  AccessDenied: DENIED,
  AllAccessDisabled: DENIED,
  AccountProblem: DENIED,
  MethodNotAllowed: DENIED,
  InvalidAccessKeyId: KEYS,
  SignatureDoesNotMatch: KEYS,
  InvalidToken: KEYS,
  InvalidSecurity: KEYS,
  NotSignedUp: KEYS,
  CredentialsProviderError: [
    "PERMISSION_DENIED",
    false,
    "no credentials were found; set them, or those of the environment",
  ],
  // The chain that gave the token fetches a new one.
  ExpiredToken: ["PERMISSION_DENIED", true, "the session token has run out"],
  RequestTimeTooSkewed: [
    "PERMISSION_DENIED",
    true,
    "the clocks of this host and of the server differ too much; set them",
  ],
  RequestExpired: ["PERMISSION_DENIED", true, "the clocks of this host and of the server differ too much; set them"],
  SlowDown: BUSY,
  Throttling: BUSY,
  ThrottlingException: BUSY,
  TooManyRequests: BUSY,
  TooManyRequestsException: BUSY,
  RequestLimitExceeded: BUSY,
  BandwidthLimitExceeded: BUSY,
  ServiceUnavailable: FAULT,
  InternalError: FAULT,
  InternalServerError: FAULT,
  Busy: BUSY,
  RequestTimeout: LATE,
  TimeoutError: LATE,
  BadDigest: ALTERED,
  XAmzContentSHA256Mismatch: ALTERED,
  XAmzContentChecksumMismatch: ALTERED,
  IncompleteBody: ALTERED,
  PreconditionFailed: RACED,
  ConditionalRequestConflict: RACED,
  OperationAborted: RACED,
  EntityTooLarge: LARGE,
  EntityTooSmall: ["BACKEND_REFUSED", false, "a part is smaller than the server takes; raise partSize"],
  KeyTooLongError: ["BACKEND_REFUSED", false, "the key is longer than the server takes"],
  MetadataTooLarge: LARGE,
  InvalidArgument: SHAPE,
  InvalidRequest: SHAPE,
  InvalidDigest: SHAPE,
  InvalidStorageClass: SHAPE,
  InvalidEncryptionAlgorithmError: SHAPE,
  MalformedXML: SHAPE,
  "KMS.NotFoundException": ["INVALID_CONFIG", false, "there is no such KMS key; correct kmsKeyId"],
  "KMS.DisabledException": DENIED,
  NotImplemented: UNABLE,
  InvalidObjectState: ["BACKEND_REFUSED", false, "the object is archived; restore it first"],
  QuotaExceeded: FULL,
  QuotaExceededException: FULL,
  ServiceQuotaExceeded: FULL,
  TooManyBuckets: FULL,
  XMinioStorageFull: FULL,
  XMinioAdminBucketQuotaExceeded: FULL,
  NoSuchUpload: AGAIN,
  InvalidPart: AGAIN,
  InvalidPartOrder: AGAIN,
  PermanentRedirect: PLACE,
  TemporaryRedirect: FAULT,
  AuthorizationHeaderMalformed: PLACE,
  IllegalLocationConstraintException: PLACE,
  CERT_HAS_EXPIRED: UNSAFE,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNSAFE,
  SELF_SIGNED_CERT_IN_CHAIN: UNSAFE,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNSAFE,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNSAFE,
  ERR_TLS_CERT_ALTNAME_INVALID: UNSAFE,
  ETIMEDOUT: LATE,
}

/** by HTTP status, where the name says nothing: answers to HEAD have no body, and proxies have words of their own */
const BY_STATUS: Readonly<Record<number, Row>> = {
  301: PLACE,
  307: FAULT,
  400: SHAPE,
  401: KEYS,
  403: DENIED,
  404: GONE,
  405: DENIED,
  408: LATE,
  409: RACED,
  412: RACED,
  413: LARGE,
  416: ["INVALID_RANGE", false, "there are no such bytes in it"],
  429: BUSY,
  501: UNABLE,
  503: BUSY,
  507: FULL,
}

/**
 * The error as a `StoredError`; one that is one already stays. `details` has `status`, `error` (the foreign name), and `retryAfter` in ms where
 * the server says when to come again.
 * @param what what was tried, for the sentence: `write "a/b"`
 */
export function s3Error(error: unknown, what: string): StoredError {
  if (error instanceof StoredError) return error
  const { name, status, retryAfter, isForeign } = factsOf(error)
  if (!isForeign) return toStoredError(error)
  const [code, retryable, sentence] = rowOf(name, status)
  const details = {
    ...(name !== undefined && { error: name }),
    ...(status !== undefined && { status }),
    ...(retryAfter !== undefined && { retryAfter }),
  }
  const label = [name, status].filter((each) => each !== undefined).join(", ")
  const message = `Cannot ${what}: ${sentence}${label ? ` (${label})` : ""}.`
  const options = { retryable, cause: error, details }
  if (code === "NOT_FOUND") return new NotFoundError(message, options)
  if (code === "CONFLICT") return new ConflictError(message, options)
  return new StoredError(code, message, options)
}

/** Whether an answer says that something is not there, without saying that its bucket is not. */
export function isAbsent(error: unknown): boolean {
  const { name, status } = factsOf(error)
  return name === "NoSuchKey" || name === "NotFound" || (status === 404 && name !== "NoSuchBucket")
}

/** Whether an answer says that an upload in parts is not, or no longer, there. Some servers say NoSuchKey. */
export function isUploadGone(error: unknown): boolean {
  const { name } = factsOf(error)
  return name === "NoSuchUpload" || name === "NoSuchKey" || name === "NotFound"
}

export function statusOf(error: unknown): number | undefined {
  return factsOf(error).status
}

interface Facts {
  name: string | undefined
  status: number | undefined
  /** ms */
  retryAfter: number | undefined
  /** whether it comes from a server, the system or the SDK, and is no mistake in a program */
  isForeign: boolean
}

/** Names that say nothing: the SDK has them for answers without a body, the language for its own errors. */
const NAMELESS = /^(Unknown|UnknownError|\w*Error|\d+)$/

function factsOf(error: unknown): Facts {
  const foreign = (error instanceof StoredError ? error.cause : error) as {
    name?: unknown
    Code?: unknown
    code?: unknown
    $metadata?: { httpStatusCode?: unknown }
    $response?: { headers?: Record<string, string | undefined> }
  } | null
  const names = [foreign?.Code, foreign?.code, foreign?.name].filter((each) => typeof each === "string")
  const name = names.find(
    (each) => (Object.hasOwn(BY_NAME, each) || !NAMELESS.test(each)) && /^[\w.]{1,64}$/.test(each),
  )
  const status = foreign?.$metadata?.httpStatusCode
  return {
    name,
    status: typeof status === "number" ? status : undefined,
    retryAfter: delayOf(foreign?.$response?.headers?.["retry-after"]),
    isForeign: name !== undefined || status !== undefined || foreign?.$response !== undefined,
  }
}

/** Whether or not a name is known, a passing status or a broken connection is worth another try; a refusal is not. */
function rowOf(name: string | undefined, status: number | undefined): Row {
  const known = name === undefined ? undefined : BY_NAME[name]
  if (known) return known
  if (status === undefined) return ["BACKEND_UNAVAILABLE", true, "it cannot be reached, or the connection broke"]
  return BY_STATUS[status] ?? (status >= 500 || status < 400 ? FAULT : SHAPE)
}

/** `Retry-After` in ms: a number of seconds or a date. */
function delayOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const seconds = Number(header)
  const delay = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(delay) && delay > 0 ? Math.round(delay) : undefined
}
