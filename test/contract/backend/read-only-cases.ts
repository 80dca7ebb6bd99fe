/** Cases of a backend that is opened to be read only: it shows what is there, and changes nothing. */
import { expect, it } from "vitest"
import { type BackendUnderTest, contentOf, errorOf, keysOf, text } from "./harness.ts"

export function readOnlyCases(made: () => BackendUnderTest): void {
  it("shows what is there and refuses to change it; opened again as usual, it takes puts", async () => {
    const { backend } = made()
    await backend.put("a/b", text("content"))
    await backend.open({ readOnly: true })
    expect(await contentOf(backend, "a/b")).toBe("content")
    expect(await backend.stat("a/b")).toMatchObject({ size: 7 })
    expect(await keysOf(backend)).toEqual(["a/b"])
    await errorOf(backend.put("a/b", text("other")), "READ_ONLY")
    await errorOf(backend.put("new", text("other")), "READ_ONLY")
    await errorOf(backend.delete("a/b"), "READ_ONLY")
    expect(await contentOf(backend, "a/b")).toBe("content")
    expect(await keysOf(backend)).toEqual(["a/b"])
    await backend.open()
    await backend.put("a/b", text("other"))
    expect(await contentOf(backend, "a/b")).toBe("other")
  })
}
