/** Where the thread file of `ChecksumPool` is: beside this one, `.ts` where the sources run unbuilt and `.js` in the package. */
import { extname } from "node:path"

export const hashThread = new URL(`./hash.thread${extname(import.meta.url)}`, import.meta.url)
