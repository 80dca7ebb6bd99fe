/**
 * The keys that a notification names: S3 event messages (S3 User Guide, event message structure), which MinIO and Ceph send too, the same inside an SNS notification, and
 * EventBridge events. What it says of the change is not believed: whoever is told looks for himself.
 */
import * as z from "zod"
import { StoredError } from "../../core/error.ts"

export interface NamedObject {
  bucket: string
  key: string
}

const recordsSchema = z.looseObject({
  Records: z.array(
    z.looseObject({
      s3: z.looseObject({ bucket: z.looseObject({ name: z.string() }), object: z.looseObject({ key: z.string() }) }),
    }),
  ),
})
const bridgeSchema = z.looseObject({
  detail: z.looseObject({ bucket: z.looseObject({ name: z.string() }), object: z.looseObject({ key: z.string() }) }),
})
const snsSchema = z.looseObject({ Type: z.literal("Notification"), Message: z.string() })
const confirmationSchema = z.looseObject({ Type: z.literal("SubscriptionConfirmation") })
/** What S3 sends once when notifications are set up. */
const testSchema = z.looseObject({ Event: z.literal("s3:TestEvent") })

/** @throws StoredError INVALID_INPUT where it is none of these */
export function namedObjects(message: unknown): NamedObject[] {
  const records = recordsSchema.safeParse(message)
  // Keys come as in a form: spaces as plus.
  if (records.success)
    return records.data.Records.map(({ s3 }) => ({ bucket: s3.bucket.name, key: decode(s3.object.key) }))
  const bridge = bridgeSchema.safeParse(message)
  if (bridge.success) return [{ bucket: bridge.data.detail.bucket.name, key: bridge.data.detail.object.key }]
  const sns = snsSchema.safeParse(message)
  if (sns.success) return namedObjects(parse(sns.data.Message))
  if (testSchema.safeParse(message).success) return []
  if (confirmationSchema.safeParse(message).success) {
    throw new StoredError(
      "INVALID_INPUT",
      "This asks to confirm a subscription, which is not done by itself: open its SubscribeURL once.",
    )
  }
  throw new StoredError(
    "INVALID_INPUT",
    "This is no notification of S3, as JSON with Records, or of SNS or EventBridge.",
  )
}

function decode(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll("+", "%20"))
  } catch (cause) {
    throw new StoredError("INVALID_INPUT", "A key in the notification is not written as in a form.", { cause })
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new StoredError("INVALID_INPUT", "The notification holds a message that is no JSON.", { cause })
  }
}
