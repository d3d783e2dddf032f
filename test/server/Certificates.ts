import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

/** The files of a new certificate that signs itself, until the scope ends. */
export const selfSigned = Effect.gen(function*() {
  const dir = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-tls-"))),
    (dir) => Effect.sync(() => Fs.rmSync(dir, { recursive: true, force: true }))
  )
  const tls = { cert: Path.join(dir, "cert.pem"), key: Path.join(dir, "key.pem") }
  const request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
  execFileSync("openssl", [...request.split(" "), "-keyout", tls.key, "-out", tls.cert], { stdio: "ignore" })
  return tls
})
