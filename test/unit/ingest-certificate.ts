/** A certificate of its own for a test's https server on loopback, made by openssl. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { provideProgram } from "../programs.ts"

/** PEM texts; whoever trusts `cert` trusts the server that has both. */
export async function makeCertificate(): Promise<{ key: string; cert: string }> {
  await provideProgram("openssl", ["version"], "openssl")
  const directory = mkdtempSync(join(tmpdir(), "stored-cert-"))
  try {
    const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")]
    const names = "subjectAltName=DNS:localhost,DNS:files.example,IP:127.0.0.1"
    const words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    const what = ["-subj", "/CN=localhost", "-addext", names, "-keyout", key, "-out", cert]
    execFileSync("openssl", [...words, ...what], { stdio: "pipe" })
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
