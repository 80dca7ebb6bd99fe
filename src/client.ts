/** A running server by the same verbs as a store in the process: `connect("http://127.0.0.1:7070", { token })`. Exports only. */
export { connect } from "./client/connect.ts"
export type { EnqueueOptions, EnqueueSource } from "./client/enqueue.ts"
export type { EnqueuedPut, EnqueuedState } from "./client/enqueue-handle.ts"
export type { RedisOptions } from "./client/enqueue-queue.ts"
export type { ConnectOptions, RemoteStore } from "./client/remote-store.ts"
