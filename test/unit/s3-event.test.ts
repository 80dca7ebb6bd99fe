/** Notifications of S3 servers in the shapes in which they come. */
import { describe, expect, it } from "vitest"
import { namedObjects } from "../../src/store/scan/s3-event.ts"

const record = (key: string, bucket = "photos"): object => ({
  eventVersion: "2.1",
  eventName: "ObjectCreated:Put",
  s3: { bucket: { name: bucket }, object: { key, size: 3 } },
})

describe("notifications", () => {
  it("name keys as in a form", () => {
    expect(namedObjects({ Records: [record("a+b/c%2Bd"), record("%C3%A9", "other")] })).toEqual([
      { bucket: "photos", key: "a b/c+d" },
      { bucket: "other", key: "\u00e9" },
    ])
  })

  it("come inside others: SNS as text, EventBridge with plain keys", () => {
    const sns = { Type: "Notification", Message: JSON.stringify({ Records: [record("a")] }) }
    expect(namedObjects(sns)).toEqual([{ bucket: "photos", key: "a" }])
    const bridge = { "detail-type": "Object Created", detail: { bucket: { name: "photos" }, object: { key: "a+b" } } }
    expect(namedObjects(bridge)).toEqual([{ bucket: "photos", key: "a+b" }])
  })

  it("that only try it out name nothing", () => {
    expect(namedObjects({ Service: "Amazon S3", Event: "s3:TestEvent" })).toEqual([])
  })

  it.each([
    ["anything else", { hello: 1 }, /no notification of S3/],
    ["a subscription", { Type: "SubscriptionConfirmation", SubscribeURL: "http://x" }, /SubscribeURL/],
    ["a message that is no JSON", { Type: "Notification", Message: "hello" }, /no JSON/],
    ["a key that is not encoded", { Records: [record("%")] }, /as in a form/],
  ])("refuse %s", (_, message, sentence) => {
    expect(() => namedObjects(message)).toThrow(sentence)
  })
})
