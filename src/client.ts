/** A running server by the same verbs as a store in the process: `connect("http://127.0.0.1:7070", { token })`. Exports only. */
export { connect } from "./client/connect.ts"
export type { ConnectOptions, RemoteStore } from "./client/remote-store.ts"
