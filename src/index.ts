/** The package's public face: exports only. */

export type { BackendCapabilities } from "./backends/backend.ts"
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
export type { ChecksumAlgorithm, Checksums } from "./core/checksum.ts"
export type { StoreConfigInput } from "./core/config.ts"
export {
  ConflictError,
  ConsistencyError,
  ERROR_CODES,
  type ErrorCode,
  isStoredError,
  NotFoundError,
  PermanentAdapterError,
  QuotaExceededError,
  StoredError,
  TransientAdapterError,
} from "./core/error.ts"
export type { StoreEvent, StoreEventListener, StoreEventName, StoreEvents } from "./core/event.ts"
export type { JsonObject, JsonValue } from "./core/json.ts"
export type { LocationState, Metadata, MetadataLocation, ObjectState, PutResult } from "./core/metadata.ts"
export type { DoctorOptions } from "./doctor/doctor.ts"
export type { DoctorReport, Finding } from "./doctor/finding.ts"
export type { EvictTarget, StagingStats } from "./staging/staging.ts"
export type { GivenKeys } from "./store/key-ring.ts"
export type { Log } from "./store/log.ts"
export type {
  BackendInfo,
  CacheControl,
  DeleteOptions,
  DeleteResult,
  DriftEntry,
  DriftKind,
  DriftOptions,
  Durability,
  FailedOptions,
  GetOptions,
  ListedObject,
  ListOptions,
  OpenedBlob,
  PutInput,
  PutOptions,
  RemoveBackendOptions,
  ScanOptions,
  ScanStatus,
  ScanWait,
  SetBackendOptions,
  Store,
  StoreFace,
  StoreStatus,
  SyncedOptions,
  ValidateFace,
  ValidateOptions,
  ValidateStatus,
} from "./store/store.ts"
