/** Signatures of version 4 against the examples that AWS has computed: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import { encode, type Signable, Signature } from "../../src/backends/s3/signature.ts"

const IDENTITY = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" }
const NOW = Date.UTC(2013, 4, 24)
const EMPTY = createHash("sha256").digest("hex")

function request(more: Partial<Signable>): Signable {
  const { headers, ...others } = more
  const host = "examplebucket.s3.amazonaws.com"
  return { method: "GET", path: "/", query: "", payload: EMPTY, ...others, headers: { host, ...headers } }
}

function signatureOf(signable: Signable, signature = new Signature("us-east-1", "s3")): string | undefined {
  const { authorization = "" } = signature.sign(signable, IDENTITY, NOW)
  return /Signature=([0-9a-f]{64})$/.exec(authorization)?.[1]
}

describe("a signature", () => {
  it.each([
    [
      "a GET of a range",
      request({ path: "/test.txt", headers: { range: "bytes=0-9" } }),
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ],
    [
      "a PUT with a body",
      request({
        method: "PUT",
        path: `/${encode("test$file.text")}`,
        headers: { date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" },
        payload: createHash("sha256").update("Welcome to Amazon S3.").digest("hex"),
      }),
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ],
    [
      "a query of one word",
      request({ query: "lifecycle=" }),
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ],
    [
      "a query of several",
      request({ query: "max-keys=2&prefix=J" }),
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ],
  ])("of %s is the one that AWS computed", (_what, signable, expected) => {
    expect(signatureOf(signable)).toBe(expected)
  })

  it("names what it signs, and says nothing of the secret", () => {
    const signed = new Signature("us-east-1", "s3").sign(request({ headers: { range: "bytes=0-9" } }), IDENTITY, NOW)
    expect(signed.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE\/20130524\/us-east-1\/s3\/aws4_request, SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, /,
    )
    expect(signed).toMatchObject({
      "x-amz-date": "20130524T000000Z",
      "x-amz-content-sha256": EMPTY,
      range: "bytes=0-9",
    })
    expect(JSON.stringify(signed)).not.toContain(IDENTITY.secretAccessKey)
  })

  it("signs the token of a session too", () => {
    const identity = { ...IDENTITY, sessionToken: "token" }
    const signed = new Signature("us-east-1", "s3").sign(request({}), identity, NOW)
    expect(signed["x-amz-security-token"]).toBe("token")
    expect(signed.authorization).toContain(";x-amz-security-token,")
  })

  it("is made with another key on another day, in another region, and for another identity", () => {
    const signable = request({})
    const signature = new Signature("us-east-1", "s3")
    const made = (identity = IDENTITY, now = NOW, by = signature) => by.sign(signable, identity, now).authorization
    const first = made()
    const others = [
      made({ ...IDENTITY, secretAccessKey: "another" }),
      made(IDENTITY, NOW + 86_400_000),
      made(IDENTITY, NOW, new Signature("eu-west-1", "s3")),
    ].map((each) => each?.slice(-64))
    expect(new Set([first?.slice(-64), ...others]).size).toBe(4)
    // What was kept of the last one does not stay.
    expect(made()).toBe(first)
  })

  it("takes spaces in headers as servers do", () => {
    const [wide, narrow] = ["  a   b ", "a b"].map((text) => request({ headers: { "x-amz-meta-name": text } }))
    expect(signatureOf(wide!)).toBe(signatureOf(narrow!))
  })
})

describe("encode", () => {
  it("leaves letters, digits and -._~ alone, and nothing else", () => {
    expect(encode("azAZ09-._~")).toBe("azAZ09-._~")
    expect(encode(" !'()*+/=&$,:;?@%")).toBe("%20%21%27%28%29%2A%2B%2F%3D%26%24%2C%3A%3B%3F%40%25")
    expect(encode("é€😀")).toBe("%C3%A9%E2%82%AC%F0%9F%98%80")
  })
})
