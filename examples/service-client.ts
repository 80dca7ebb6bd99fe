/**
 * A client of a service. Start one, then run this beside it with the same token:
 *
 *     STORED_ADMIN_TOKEN=$(openssl rand -hex 24) npx stored serve
 *     STORED_URL=http://127.0.0.1:7070 STORED_TOKEN=<the same> node service-client.ts
 */
import { connect, isStoredError } from "stored"

const { STORED_URL = "http://127.0.0.1:7070", STORED_TOKEN = "" } = process.env
const admin = connect(STORED_URL, { token: STORED_TOKEN })

// For a camera that may write below one folder, and nothing else, for a day.
const camera = await admin.tokens.create({ name: "camera", scopes: ["write"], prefixes: ["camera/"], expiresIn: "1d" })
const client = connect(STORED_URL, { token: camera.token })
try {
  const image = await client.put(Buffer.from("an image"), { key: "camera/1.jpg" })
  console.log("put", image.key)
  await client.put(Buffer.from("x"), { key: "elsewhere/1.jpg" }).catch(told)
  await client.get("camera/1.jpg").catch(told)

  console.log("got", (await admin.get("camera/1.jpg")).toString())
} finally {
  await admin.tokens.revoke(camera.id)
  await client.close()
  await admin.close()
}

function told(error: unknown): void {
  if (!isStoredError(error)) throw error
  console.log("refused", error.code)
}
