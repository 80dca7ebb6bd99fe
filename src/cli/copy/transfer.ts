/** One thing that is copied, and what all copies of a command share. */
import type { Access, CommandLine, GlobalOptions } from "../command-line.ts"

export interface CopyOptions extends GlobalOptions {
  recursive?: boolean
  skipExisting?: boolean
  force?: boolean
  backends?: string[]
  jobs: number
}

export interface CopyParts {
  line: CommandLine
  access: Access
  options: CopyOptions
  /** told of bytes as they come */
  onBytes(bytes: number): void
}

export interface Transferred {
  outcome: "copied" | "moved" | "skipped"
  id: string
  /** bytes */
  size: number
}

export interface Transfer {
  /** as a person would write it */
  from: string
  to: string
  run(): Promise<Transferred>
}
