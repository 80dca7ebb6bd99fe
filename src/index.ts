/** The package's public face: exports only. */

export {
  type BackendCapabilities,
  type BackendEntry,
  type BackendListOptions,
  type BackendOpenOptions,
  type BackendPutOptions,
  type BackendPutResult,
  type BackendServices,
  type BackendStat,
  type CallOptions,
  type SkippedEntry,
  StorageBackend,
} from "./backends/backend.ts"
export { type DriverDefinition, defineDriver } from "./backends/define-driver.ts"
export type { Driver } from "./backends/driver.ts"
export { resolveRange } from "./backends/range.ts"
export { registerDriver } from "./backends/registry.ts"
export { sourcePieces } from "./backends/source-pieces.ts"
export { tellSkips } from "./backends/tell-skips.ts"
export { Turns } from "./backends/turns.ts"
export { unlessAbsent } from "./backends/unless-absent.ts"
export { type DirectoryItem, type WalkOptions, walkDirectories } from "./backends/walk-directories.ts"
export type { JournalRecord, OutboxRecord } from "./catalog/record.ts"
export {
  type ConnectOptions,
  connect,
  type EnqueuedPut,
  type EnqueuedState,
  type EnqueueOptions,
  type EnqueueSource,
  type RedisOptions,
  type RemoteStore,
} from "./client.ts"
export { type CreateStoreOptions, createStore, runDoctor } from "./compose.ts"
export type { BlobId } from "./core/blob-id.ts"
export type { BlobSource, ByteRange } from "./core/blob-source.ts"
export type { ChecksumAlgorithm, Checksums } from "./core/checksum.ts"
export type { StoreConfigInput } from "./core/config.ts"
export {
  ConflictError,
  ConsistencyError,
  EncryptionError,
  ERROR_CODES,
  type ErrorCode,
  isStoredError,
  NotFoundError,
  PermanentAdapterError,
  QuotaExceededError,
  type SerializedError,
  StoredError,
  type StoredErrorOptions,
  TransientAdapterError,
  throwIfAborted,
  toStoredError,
  UnauthorizedError,
} from "./core/error.ts"
export type { StoreEvent, StoreEventListener, StoreEventName, StoreEvents } from "./core/event.ts"
export type { JsonObject, JsonValue } from "./core/json.ts"
export { parseKey } from "./core/key.ts"
export type { LocationState, Metadata, MetadataLocation, ObjectState, PutResult } from "./core/metadata.ts"
export { resolveSecret } from "./core/secret-reference.ts"
export type { DoctorOptions } from "./doctor/doctor.ts"
export type { DoctorReport, Finding } from "./doctor/finding.ts"
export type { EvictTarget, StagingStats } from "./staging/staging.ts"
export type { GivenKeys } from "./store/key-ring.ts"
export type { Log } from "./store/log.ts"
export type {
  ArchiveFormat,
  ArchiveOptions,
  BackendFace,
  BackendInfo,
  BackendScan,
  BackendWatch,
  CacheControl,
  CopiedEntry,
  CopyFace,
  CopyManyOptions,
  CopyOptions,
  CopyPair,
  DeletedEntry,
  DeleteManyOptions,
  DeleteOptions,
  DeleteResult,
  DriftEntry,
  DriftKind,
  DriftOptions,
  Durability,
  FailedOptions,
  GetOptions,
  IssuedToken,
  ListedObject,
  ListOptions,
  OpenedArchive,
  OpenedBlob,
  PauseBackendOptions,
  PutInput,
  PutOptions,
  Quota,
  RemoveBackendOptions,
  RequestRate,
  RotationSettings,
  ScanFace,
  ScanOptions,
  ScanStatus,
  ScanWait,
  Scope,
  SetBackendOptions,
  SignedFace,
  SignedUrl,
  SignedUrlOptions,
  Store,
  StoreFace,
  StoreStatus,
  SyncedOptions,
  TestBackendOptions,
  TokenActor,
  TokenInfo,
  TokenIssue,
  TokenSettings,
  TokensFace,
  ValidateFace,
  ValidateOptions,
  ValidateStatus,
  Why,
  WhyCopy,
  WhyFace,
  WhyJob,
  WhyJournal,
  WhyOptions,
  WhyWait,
  WorkerStatus,
} from "./store/store.ts"
