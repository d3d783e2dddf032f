import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

/** The files of a certificate of its own for localhost, and of its key, for as long as the scope. */
export const makeCertificate = Effect.gen(function*() {
  const dir = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-certificate-"))),
    (made) => Effect.sync(() => Fs.rmSync(made, { recursive: true, force: true }))
  )
  const [key, cert] = [Path.join(dir, "key"), Path.join(dir, "cert")]
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
  execFileSync(
    "openssl",
    ["req", "-x509", ...curve, "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert],
    { stdio: "ignore" }
  )
  return { cert, key }
})
