/** What rclone says of files and directories. */
import * as z from "zod"
import type { BackendStat } from "../backend.ts"
import type { DirectoryItem } from "../walk-directories.ts"

const itemSchema = z.object({ Name: z.string(), Size: z.number(), ModTime: z.string(), IsDir: z.boolean() })
export type RcloneItem = z.output<typeof itemSchema>
export const listedSchema = z.object({ list: z.array(itemSchema).nullable() })
export const statedSchema = z.object({ item: itemSchema.nullable() })

export function statOf({ Size, ModTime }: RcloneItem): BackendStat {
  return { size: Size, modified: Date.parse(ModTime) }
}

/** As the walk through directories wants it. Documents of some remotes have no size, and no bytes to read. */
export function toDirectoryItem(item: RcloneItem): DirectoryItem {
  return { name: item.Name, stat: item.IsDir ? "directory" : item.Size < 0 ? null : statOf(item) }
}
