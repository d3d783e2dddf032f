/**
 * A package registry on the loopback interface that serves one package made by the test, and can be told to misbehave.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Zlib from "node:zlib"
import type { Model } from "../../src/models/ModelManifest.ts"

export interface Entry {
  readonly path: string
  readonly content: Uint8Array
  /** Tar's type flag; a regular file unless given. */
  readonly type?: string
}

/** A ustar archive. */
export const tar = (entries: ReadonlyArray<Entry>): Buffer => {
  const parts: Array<Uint8Array> = []
  for (const entry of entries) {
    const header = Buffer.alloc(512)
    header.write(entry.path, 0, 100)
    header.write("0000644\0", 100)
    header.write("0000000\0", 108)
    header.write("0000000\0", 116)
    header.write(`${entry.content.length.toString(8).padStart(11, "0")}\0`, 124)
    header.write("00000000000\0", 136)
    header.write("        ", 148)
    header.write(entry.type ?? "0", 156)
    header.write("ustar\u000000", 257)
    const sum = header.reduce((sum, byte) => sum + byte, 0)
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148)
    parts.push(header, entry.content, Buffer.alloc((512 - (entry.content.length % 512)) % 512))
  }
  parts.push(Buffer.alloc(1024))
  return Buffer.concat(parts)
}

export const sha256 = (bytes: Uint8Array): string => Crypto.createHash("sha256").update(bytes).digest("hex")

const integrityOf = (bytes: Uint8Array): string =>
  `sha512-${Crypto.createHash("sha512").update(bytes).digest("base64")}`

/** Bytes that do not compress, the same every time. */
export const noise = (length: number, seed: number): Buffer => {
  const bytes = Buffer.alloc(length)
  let state = seed
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    bytes[i] = state >>> 16
  }
  return bytes
}

export const weights = noise(300_000, 1)
export const extra = noise(5_000, 2)

/** The archive of a package with two model files, and more entries. */
export const archiveWith = (more: ReadonlyArray<Entry> = []): Buffer =>
  Zlib.gzipSync(tar([
    { path: "package/package.json", content: Buffer.from("{}") },
    ...more,
    { path: "package/dist/weights.onnx", content: weights },
    { path: "package/dist/extra.bin", content: extra }
  ]))

/** The model whose files `archive` holds. */
export const modelOf = (archive: Uint8Array, name = "toy"): Model => ({
  name,
  revision: "1.2.3",
  task: "speech-to-text",
  language: "en",
  licence: "MIT",
  description: "a toy",
  sources: [{
    package: "@toys/model",
    version: "1.2.3",
    integrity: integrityOf(archive),
    archiveBytes: archive.length,
    licence: "MIT",
    files: [
      {
        name: "weights.onnx",
        entry: "package/dist/weights.onnx",
        bytes: weights.length,
        sha256: sha256(weights)
      },
      { name: "extra.bin", entry: "package/dist/extra.bin", bytes: extra.length, sha256: sha256(extra) }
    ]
  }]
})

export type Handler = (
  kind: "packument" | "archive",
  request: Http.IncomingMessage,
  response: Http.ServerResponse
) => boolean

export interface FakeRegistry {
  readonly url: string
  readonly requests: Array<string>
  /** Called with the kind of each request once it is answered or given up by the client. */
  readonly closed: Array<string>
}

/** Serves `archive` as @toys/model 1.2.3, unless `handler` takes the request. */
export const serve = (
  archive: Uint8Array,
  handler: Handler = () => false
): Effect.Effect<FakeRegistry, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<FakeRegistry & { readonly server: Http.Server }>((resume) => {
      const requests: Array<string> = []
      const closed: Array<string> = []
      const server = Http.createServer((request, response) => {
        const kind = request.url?.endsWith(".tgz") === true ? "archive" : "packument"
        requests.push(kind)
        response.on("close", () => closed.push(kind))
        if (handler(kind, request, response)) return
        if (kind === "archive") {
          response.writeHead(200, { "content-type": "application/octet-stream", "content-length": archive.length })
          response.end(archive)
          return
        }
        const tarball = `http://${request.headers.host}/@toys/model/-/model-1.2.3.tgz`
        response.writeHead(200, { "content-type": "application/json" })
        response.end(JSON.stringify({
          name: "@toys/model",
          "dist-tags": { latest: "1.2.3" },
          versions: {
            "1.2.3": {
              name: "@toys/model",
              version: "1.2.3",
              dist: { tarball, integrity: integrityOf(archive) }
            }
          }
        }))
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo // a TCP server's address is never a string
        resume(Effect.succeed({ server, url: `http://127.0.0.1:${port}/`, requests, closed }))
      })
    }),
    ({ server }) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )

/** A directory that is gone after the test. */
export const temporary: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-models-"))),
  (dir) => Effect.sync(() => Fs.rmSync(dir, { recursive: true, force: true }))
)

/** npm settings that are independent of this machine's. `npmrc` becomes the user's file. */
export const npmEnv = (dir: string, registry: string, npmrc = ""): Record<string, string> => {
  const userconfig = Path.join(dir, "user.npmrc")
  Fs.writeFileSync(userconfig, npmrc)
  return {
    HOME: dir,
    PATH: "",
    npm_config_userconfig: userconfig,
    npm_config_globalconfig: Path.join(dir, "none.npmrc"),
    npm_config_cache: Path.join(dir, "npm-cache"),
    ...(registry === "" ? {} : { npm_config_registry: registry })
  }
}
