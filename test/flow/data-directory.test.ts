/** One store at a time has a data directory. */
import { expect, test } from "vitest"
import { openTestStore } from "./open-store.ts"

test("two stores on one data directory: the second is refused", async () => {
  const { directory } = await openTestStore()
  await expect(openTestStore({ data: directory })).rejects.toMatchObject({ code: "DATA_DIRECTORY_IN_USE" })
})
