/** What staging on disk has of its own: its layout is cacache's, its directory has a format, large content is verified again. */
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import cacache from "cacache"
import { describe, expect, it } from "vitest"
import { contentFile, damageFile } from "../contract/staging-damage.ts"
import { bytesOf, idOf, inMemory, streaming } from "../contract/staging-sources.ts"
import { integrity, make, OPTIONS, open, temporaryDirectory } from "./staging-directory.ts"

describe("the layout", () => {
  it("is read by cacache", async () => {
    const { directory, staging } = await open()
    for (const size of [0, 1000, 300_000]) {
      const bytes = bytesOf(size)
      const { hold } = await staging.receive(streaming(bytes), OPTIONS)
      expect((await cacache.get.byDigest(directory, integrity(bytes))).equals(bytes)).toBe(true)
      const chunks: Buffer[] = []
      for await (const chunk of cacache.get.stream.byDigest(directory, integrity(bytes))) chunks.push(chunk as Buffer)
      expect(Buffer.concat(chunks).equals(bytes)).toBe(true)
      hold.release()
    }
  })

  it("is written by cacache", async () => {
    const { directory, staging } = await open()
    const bytes = bytesOf(5000)
    await cacache.put(directory, "key", bytes, { algorithms: ["sha256"] })
    expect((await staging.readBuffer(idOf(bytes), 5000)).equals(bytes)).toBe(true)
    expect(await staging.check(idOf(bytes), 5000)).toBe("good")
    const { reused, hold } = await staging.receive(inMemory(bytes), OPTIONS)
    expect(reused).toBe(true)
    hold.release()
    const listed = await Array.fromAsync(staging.list())
    expect(listed).toEqual([{ id: idOf(bytes), size: 5000, path: contentFile(directory, idOf(bytes)) }])
  })

  it("passes over what is no content", async () => {
    const { directory, staging } = await open()
    const { id, hold } = await staging.receive(inMemory(bytesOf(10)), OPTIONS)
    hold.release()
    const content = join(directory, "content-v2", "sha256")
    await mkdir(join(content, "zz", "yy"), { recursive: true })
    await writeFile(join(content, "zz", "yy", "nothing"), "")
    await writeFile(join(content, "stray"), "")
    await mkdir(join(content, "aa", "bb", "c".repeat(60)), { recursive: true })
    expect((await Array.fromAsync(staging.list())).map((file) => file.id)).toEqual([id])
  })
})

describe("the directory", () => {
  it("is made, opened again, and refused when it is of a newer format", async () => {
    const directory = join(await temporaryDirectory(), "deep", "er")
    await make(directory).open()
    await make(directory).open()
    expect(await readFile(join(directory, "format"), "utf8")).toBe("stored-staging 1\n")
    await writeFile(join(directory, "format"), "stored-staging 2\n")
    await expect(make(directory).open()).rejects.toMatchObject({ code: "DATA_DIRECTORY_NEWER" })
    await writeFile(join(directory, "format"), "something else")
    await expect(make(directory).open()).rejects.toMatchObject({ code: "DATA_DIRECTORY_UNUSABLE" })
  })

  it("is refused where there is a file, or something that is no directory in its place", async () => {
    const directory = await temporaryDirectory()
    await writeFile(join(directory, "file"), "")
    await symlink("/nowhere/at/all", join(directory, "link"))
    for (const name of ["file", "link", "file/below"]) {
      const error: unknown = await make(join(directory, name))
        .open()
        .catch((failure: unknown) => failure)
      expect(error).toMatchObject({ code: "DATA_DIRECTORY_UNUSABLE" })
      expect((error as Error).message).toContain("see that it is a directory")
    }
  })

  it("takes nothing before it has recovered", async () => {
    const staging = make(await temporaryDirectory())
    await staging.open()
    await expect(staging.receive(inMemory(bytesOf(1)), OPTIONS)).rejects.toMatchObject({ code: "CLOSED" })
  })

  it("survives that somebody removes a directory of content", async () => {
    const { directory, staging } = await open()
    for (const size of [100, 200_000]) {
      const bytes = bytesOf(size)
      const put = async (): Promise<void> => (await staging.receive(inMemory(bytes), OPTIONS)).hold.release()
      await put()
      await rm(join(directory, "content-v2", "sha256", idOf(bytes).slice(7, 9)), { recursive: true })
      await put()
      expect(await staging.check(idOf(bytes), size)).toBe("good")
    }
  })

  it("leaves the log empty when it is closed", async () => {
    const { directory, staging } = await open()
    for (let index = 0; index < 50; index += 1) {
      const { hold } = await staging.receive(inMemory(bytesOf(index)), OPTIONS)
      hold.release()
    }
    expect(await readdir(join(directory, "log"))).toHaveLength(1)
    await staging.close()
    expect(await readdir(join(directory, "log"))).toEqual([])
  })
})

describe("re-puts of large content", () => {
  it("trust what was verified and is untouched, and nothing else", async () => {
    const { directory, staging } = await open()
    const bytes = bytesOf(2 ** 21)
    const id = idOf(bytes)
    const put = async () => {
      const { reused, hold } = await staging.receive(streaming(bytes), OPTIONS)
      hold.release()
      return { reused, inode: (await stat(contentFile(directory, id))).ino }
    }
    const first = await put()
    expect(await put()).toEqual({ reused: true, inode: first.inode })
    await damageFile(directory, id, "flip")
    expect((await put()).reused).toBe(false)
    expect(await staging.check(id, bytes.length)).toBe("good")
    const again = make(directory)
    await again.open()
    await again.recover(() => true)
    const { reused, hold } = await again.receive(streaming(bytes), OPTIONS)
    hold.release()
    expect(reused).toBe(false)
    expect(await again.check(id, bytes.length)).toBe("good")
  })
})
