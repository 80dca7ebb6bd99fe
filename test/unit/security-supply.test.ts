/** What is installed with us: locked by hash, in exact versions, and next to nothing of it runs anything while it is installed. */
import { readFileSync } from "node:fs"
import { expect, it } from "vitest"

interface Locked {
  version?: string
  integrity?: string
  link?: boolean
  hasInstallScript?: boolean
  dev?: boolean
  /** where it is for some systems only, as the native parts of others are */
  os?: string[]
}

const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as { packages: Record<string, Locked> }
const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Record<string, Record<string, string>>
const installed = Object.entries(lock.packages).filter(([path]) => path !== "")

/** Native parts that have to be there, each looked at by a person. */
const MAY_RUN_AT_INSTALL = new Set(["lmdb", "msgpackr-extract"])

it("is locked by its hash, but for the native parts of systems on which the lock was not made", () => {
  const locked = installed.filter(([, { link, os, integrity }]) => !link && (integrity !== undefined || !os))
  expect(locked.length).toBeGreaterThan(300)
  for (const [path, { integrity }] of locked) expect(integrity, path).toMatch(/^sha512-/)
})

it("is named in exact versions", () => {
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
    expect(version, name).toMatch(/^\d+\.\d+\.\d+(?:-[\w.]+)?$/)
})

it("runs nothing while it is installed, but for what builds its native part", () => {
  const runs = installed.filter(([, { hasInstallScript, dev }]) => hasInstallScript && !dev)
  const names = runs.map(([path]) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length))
  expect(names.filter((name) => !MAY_RUN_AT_INSTALL.has(name))).toEqual([])
})
