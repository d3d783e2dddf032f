/** Models of the user's own: from an address or a path, through the store. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import * as Zlib from "node:zlib"
import type { BackendError } from "../../src/BackendError.ts"
import type { ModelProgress } from "../../src/models/ModelDownload.ts"
import { ModelLocation } from "../../src/models/ModelLocation.ts"
import { ModelStore, type ModelStoreOptions } from "../../src/models/ModelStore.ts"
import { makeCertificate } from "../support/Certificate.ts"
import * as Fake from "./FakeRegistry.ts"
import * as FileServer from "./FileServer.ts"

const toy = Fs.readFileSync(fileURLToPath(new URL("../fixtures/toy-model.tar.bz2", import.meta.url)))
const weights = Fake.noise(300_000, 7)

const open = Effect.fnUntraced(function*(options: ModelStoreOptions & { readonly npmrc?: string } = {}) {
  const root = yield* Fake.temporary
  const cacheDir = options.cacheDir ?? Path.join(root, "models")
  const env = { ...Fake.npmEnv(root, "", options.npmrc), ...options.env }
  const make = Layer.build(ModelStore.layerOptions({ retryDelay: 1, ...options, env, cacheDir })).pipe(
    Effect.map(Context.get(ModelStore))
  )
  return { root, cacheDir, env, make, store: yield* make }
})

const at = (url: string, content: Uint8Array) => ({ url, sha256: Fake.sha256(content) })

const failure = (effect: Effect.Effect<unknown, BackendError>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.strictEqual(error._tag, "InvalidConfig")
    return { reason: error.details?.["reason"], message: error.message }
  })

const names = (dir: string) => Fs.existsSync(dir) ? Fs.readdirSync(dir).sort() : []
const tree = (dir: string) => Fs.readdirSync(dir, { recursive: true, encoding: "utf8" }).sort()

describe("ModelStore.folder and file", () => {
  it.live("unpacks a published archive once, without its top folder, and then needs no server", () =>
    Effect.gen(function*() {
      const server = yield* FileServer.serve(toy)
      const { cacheDir, make, store } = yield* open()
      const location = at(`${server.url}/toy-model.tar.bz2`, toy)
      assert.isFalse(yield* store.isThere(location))
      const progress: Array<ModelProgress> = []
      const dir = yield* store.folder(location, (one) => progress.push(one))
      assert.deepEqual(tree(dir), [
        ".content.json",
        ".verified.json",
        "espeak-ng-data",
        "espeak-ng-data/lang",
        "espeak-ng-data/lang/gmw",
        "espeak-ng-data/lang/gmw/de",
        "model.onnx",
        "tokens.txt"
      ])
      assert.strictEqual(Fs.readFileSync(Path.join(dir, "espeak-ng-data/lang/gmw/de"), "utf8"), "name German\n")
      assert.deepEqual(progress.at(-1), {
        model: `${server.url}/toy-model.tar.bz2`,
        receivedBytes: toy.length,
        totalBytes: toy.length
      })
      assert.deepEqual(names(cacheDir), [`sha256-${location.sha256}`])
      const other = yield* make
      assert.strictEqual(yield* other.folder({ ...location, url: "https://elsewhere.invalid/toy.tar.bz2" }), dir)
      assert.isTrue(yield* other.isThere(location))
      assert.strictEqual(server.requests.length, 1)
    }))

  it.live("reads gzip, zstd, plain tar, and one file as it is", () =>
    Effect.gen(function*() {
      const tar = Fake.tar([
        { path: "tokens.txt", content: Buffer.from("a 0\n") },
        { path: "data/model.onnx", content: weights }
      ])
      const kinds = [
        ["model.tar.gz", Zlib.gzipSync(tar)],
        ["model.tgz", Zlib.gzipSync(tar, { level: 1 })],
        ["model.tar.zst", Zlib.zstdCompressSync(tar)],
        ["model.tar", tar]
      ] as const
      for (const [name, content] of kinds) {
        const server = yield* FileServer.serve(content)
        const { store } = yield* open()
        const dir = yield* store.folder(at(`${server.url}/${name}`, content))
        assert.deepEqual(Fs.readFileSync(Path.join(dir, "data/model.onnx")), weights)
      }
      const server = yield* FileServer.serve(weights)
      const { store } = yield* open()
      const file = yield* store.file(at(`${server.url}/voices/kore%20v2.onnx?download=true`, weights))
      assert.strictEqual(Path.basename(file), "kore v2.onnx")
      assert.deepEqual(Fs.readFileSync(file), weights)
    }))

  it.live("repairs what is missing or changed in the cache", () =>
    Effect.gen(function*() {
      const server = yield* FileServer.serve(toy)
      const { cacheDir, store } = yield* open()
      const location = at(`${server.url}/toy-model.tar.bz2`, toy)
      const dir = yield* store.folder(location)
      const damages = [
        () => Fs.rmSync(Path.join(dir, "tokens.txt")),
        () => Fs.truncateSync(Path.join(dir, "model.onnx"), 10),
        () => Fs.rmSync(Path.join(dir, ".content.json")),
        () => Fs.writeFileSync(Path.join(dir, ".content.json"), "{}")
      ]
      for (const damage of damages) {
        damage()
        assert.isFalse(yield* store.isThere(location))
        yield* store.folder(location)
        assert.isTrue(yield* store.isThere(location))
      }
      assert.strictEqual(server.requests.length, 1 + damages.length)
      assert.deepEqual(names(cacheDir), [`sha256-${location.sha256}`])
    }))

  it.live("goes on where a transfer broke off, in the same start and in the next", () =>
    Effect.gen(function*() {
      const half = weights.length / 2
      const server = yield* FileServer.serve(weights, (request, response, count) => {
        if (request.headers.range === undefined) {
          response.writeHead(200, { "content-length": weights.length })
          response.write(weights.subarray(0, half), () => response.destroy())
          return true
        }
        if (count > 5) return false
        response.destroy()
        return true
      })
      const { cacheDir, make, store } = yield* open()
      const location = at(`${server.url}/model.onnx`, weights)
      const broken = yield* failure(store.file(location))
      assert.strictEqual(broken.reason, "no_network")
      assert.deepEqual(server.requests, [
        "/model.onnx",
        ...Array.from({ length: 3 }, () => `/model.onnx bytes=${half}-`)
      ])
      assert.deepEqual(names(cacheDir), [`.partial-${location.sha256}`])
      const file = yield* (yield* make).file(location)
      assert.deepEqual(Fs.readFileSync(file), weights)
      assert.deepEqual(names(cacheDir), [`sha256-${location.sha256}`])
    }))

  it.live("begins again when what was there is the beginning of something else, or the server has no ranges", () =>
    Effect.gen(function*() {
      const server = yield* FileServer.serve(weights)
      const { cacheDir, store } = yield* open()
      const location = at(`${server.url}/model.onnx`, weights)
      const partial = Path.join(cacheDir, `.partial-${location.sha256}`)
      Fs.mkdirSync(cacheDir)
      Fs.writeFileSync(partial, Fake.noise(1_000, 9))
      assert.deepEqual(Fs.readFileSync(yield* store.file(location)), weights)
      assert.strictEqual(server.requests.length, 2)

      const without = yield* FileServer.serve(weights, (_, response) => {
        response.writeHead(200)
        response.end(weights)
        return true
      })
      const second = yield* open()
      Fs.mkdirSync(second.cacheDir)
      Fs.writeFileSync(Path.join(second.cacheDir, `.partial-${location.sha256}`), weights.subarray(0, 1_000))
      assert.deepEqual(Fs.readFileSync(yield* second.store.file(at(`${without.url}/model.onnx`, weights))), weights)
    }))

  it.live("shares one download between concurrent calls and processes", () =>
    Effect.gen(function*() {
      const server = yield* FileServer.serve(toy, (_, response) => {
        response.writeHead(200, { "content-length": toy.length })
        response.write(toy.subarray(0, 1_000))
        setTimeout(() => response.end(toy.subarray(1_000)), 1_500)
        return true
      })
      const { cacheDir, env, store } = yield* open()
      const location = at(`${server.url}/toy-model.tar.bz2`, toy)
      const script = fileURLToPath(new URL("./fetch-url-once.ts", import.meta.url))
      const other = Effect.callback<string>((resume) => {
        const args = [
          "--conditions=@effect-voice/source",
          script,
          cacheDir,
          JSON.stringify(env),
          JSON.stringify(location)
        ]
        const child = execFile(process.execPath, args, (error, stdout, stderr) =>
          resume(error === null ? Effect.succeed(stdout) : Effect.die(new Error(stderr))))
        return Effect.sync(() =>
          child.kill()
        )
      })
      const dirs = yield* Effect.all([store.folder(location), store.folder(location), other, other], {
        concurrency: "unbounded"
      })
      assert.strictEqual(new Set(dirs).size, 1)
      assert.strictEqual(server.requests.length, 1)
      assert.deepEqual(names(cacheDir), [`sha256-${location.sha256}`])
    }), 60_000)

  it.live("refuses what has another SHA-256, before it is unpacked", () =>
    Effect.gen(function*() {
      const server = yield* FileServer.serve(toy)
      const { cacheDir, store } = yield* open()
      const refused = yield* failure(store.folder({ url: `${server.url}/toy-model.tar.bz2`, sha256: "0".repeat(64) }))
      assert.strictEqual(refused.reason, "integrity")
      assert.include(refused.message, Fake.sha256(toy))
      assert.deepEqual(names(cacheDir), [])
    }))

  it.live(
    "refuses paths that leave the directory, links, bombs and what is no archive; nothing is left of them",
    () =>
      Effect.gen(function*() {
        const file = (path: string, type?: string): Fake.Entry => ({
          path,
          content: Buffer.from(type === undefined ? "x" : ""),
          ...(type === undefined ? {} : { type })
        })
        const tars: ReadonlyArray<readonly [string, Uint8Array]> = [
          ...["../escape", "a/../../escape", "/etc/escape", "a\\..\\escape", "C:escape", "a/nul\u0001", "dot./x"].map((
            path
          ) => [path, Fake.tar([file("model.onnx"), file(path)])] as const),
          ...["1", "2", "3", "4", "6"].map((type) =>
            [`type ${type}`, Fake.tar([file("link", type), file("link/x")])] as const
          ),
          ["the same twice", Fake.tar([file("model.onnx"), file("model.onnx")])],
          ["a file as a folder", Fake.tar([file("model.onnx"), file("model.onnx/x")])],
          ["no files", Fake.tar([])],
          ["no tar", Fake.noise(2_000, 3)],
          ["cut off", Fake.tar([{ path: "model.onnx", content: weights }]).subarray(0, 100_000)],
          ["too many", Fake.tar(Array.from({ length: 10_001 }, (_, i) => file(`f${i}`, "5")))]
        ]
        const bomb = Zlib.gzipSync(Fake.tar([{ path: "model.onnx", content: Buffer.alloc(80 * 2 ** 20) }]))
        const archives = [
          ...tars.map(([what, tar]) => [what, "m.tar.gz", Zlib.gzipSync(tar)] as const),
          ["a bomb", "m.tar.gz", bomb] as const,
          ["no gzip", "m.tar.gz", weights] as const,
          ["no bzip2", "m.tar.bz2", weights] as const,
          ["bzip2 cut off", "m.tar.bz2", toy.subarray(0, 2_000)] as const,
          ["no zstd", "m.tar.zst", weights] as const
        ]
        for (const [what, name, content] of archives) {
          const server = yield* FileServer.serve(content)
          const { cacheDir, root, store } = yield* open()
          const refused = yield* failure(store.folder(at(`${server.url}/${name}`, content)))
          assert.include(["archive", "disk"], refused.reason, `${what}: ${refused.message}`)
          // the download itself is right, and stays for whoever repairs the config
          assert.deepEqual(names(cacheDir).filter((entry) => !entry.startsWith(".partial-")), [], what)
          assert.isFalse(Fs.existsSync(Path.join(root, "escape")), what)
        }
      }),
    60_000
  )

  it.live("distinguishes what servers answer, and follows redirects only to addresses like the first", () =>
    Effect.gen(function*() {
      const content = weights
      const server = yield* FileServer.serve(content, (request, response) => {
        const status = Number(request.url?.slice(1))
        if (status >= 400) {
          response.writeHead(status)
          response.end("no")
          return true
        }
        const location =
          { "/moved": "/there.onnx", "/loop": "/loop", "/out": "http://example.invalid/x" }[request.url ?? ""]
        if (location === undefined) return false
        response.writeHead(302, { location })
        response.end()
        return true
      })
      const { store } = yield* open({ retryDelay: 1 })
      const fetch = (path: string) => store.file(at(server.url + path, content))
      const expected = {
        "/401": "unauthorized",
        "/404": "not_found",
        "/418": "not_found",
        "/503": "registry_error",
        "/loop": "registry_error",
        "/out": "registry_error"
      }
      for (const [path, reason] of Object.entries(expected)) {
        const refused = yield* failure(fetch(path))
        assert.strictEqual(refused.reason, reason, path)
        assert.include(refused.message, server.url + path)
      }
      assert.strictEqual(server.requests.filter((path) => path === "/503").length, 4)
      assert.deepEqual(Fs.readFileSync(yield* fetch("/moved")), content)
      const nobody = yield* failure(store.file({ url: "http://127.0.0.1:1/model.onnx", sha256: "0".repeat(64) }))
      assert.strictEqual(nobody.reason, "no_network")
      const { store: offline } = yield* open({ offline: true })
      assert.strictEqual((yield* failure(offline.file(at(`${server.url}/x.onnx`, toy)))).reason, "offline")
    }))

  it.live("times out a transfer that stalls and keeps what came; ends it when interrupted", () =>
    Effect.gen(function*() {
      const server = yield* FileServer.serve(weights, (_, response) => {
        response.writeHead(200, { "content-length": weights.length })
        response.write(weights.subarray(0, 1_000))
        return true
      })
      const { cacheDir, store } = yield* open({ stallTimeout: 200, timeout: 400 })
      const location = at(`${server.url}/model.onnx`, weights)
      assert.strictEqual((yield* failure(store.file(location))).reason, "timeout")
      assert.deepEqual(names(cacheDir), [`.partial-${location.sha256}`])
      const fiber = yield* Effect.forkChild(store.file(location))
      yield* Effect.sleep(50)
      yield* Fiber.interrupt(fiber)
      assert.notInclude(names(cacheDir).join(), ".lock-")
    }))

  it.live("uses the proxy and the certificates of npm's settings", () =>
    Effect.gen(function*() {
      const files = yield* makeCertificate
      const tls = { cert: Fs.readFileSync(files.cert), key: Fs.readFileSync(files.key) }
      const server = yield* FileServer.serve(weights, undefined, tls)
      const port = Number(new URL(server.url).port)
      const asked: Array<string> = []
      const proxy = yield* Effect.acquireRelease(
        Effect.callback<Net.Server>((resume) => {
          const made = Net.createServer((socket) => {
            socket.once("data", (head) => {
              asked.push(head.toString().split("\r\n")[0]!)
              const up = Net.connect(port, "127.0.0.1", () => {
                socket.write("HTTP/1.1 200 OK\r\n\r\n")
                socket.pipe(up).pipe(socket)
              })
              up.on("error", () => socket.destroy())
              socket.on("error", () => up.destroy())
            })
          }).listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
        }),
        (made) => Effect.sync(() => made.close())
      )
      const { port: proxyPort } = proxy.address() as Net.AddressInfo // a TCP server's address is never a string
      const location = at(`https://localhost:${port}/model.onnx`, weights)
      const { store } = yield* open({
        npmrc: `https-proxy=http://127.0.0.1:${proxyPort}/\ncafile=${files.cert}\n`
      })
      assert.deepEqual(Fs.readFileSync(yield* store.file(location)), weights)
      assert.deepEqual(asked, [`CONNECT localhost:${port} HTTP/1.1`])
      const { store: strict } = yield* open({ env: { HTTPS_PROXY: `http://127.0.0.1:${proxyPort}` } })
      assert.strictEqual((yield* failure(strict.file(location))).reason, "no_network")
      assert.isAbove(asked.length, 1)
    }), 30_000)

  it.live("gives a path as it is, and names one that is not there or is of the other kind", () =>
    Effect.gen(function*() {
      const { root, store } = yield* open()
      const file = Path.join(root, "model.onnx")
      Fs.writeFileSync(file, "x")
      assert.strictEqual(yield* store.folder(root), root)
      assert.strictEqual(yield* store.file(file), file)
      for (
        const wrong of [store.folder(file), store.file(root), store.folder(`${root}/none`), store.file(`${root}/none`)]
      ) {
        const refused = yield* failure(wrong)
        assert.strictEqual(refused.reason, "not_found")
        assert.include(refused.message, root)
      }
      assert.isTrue(yield* store.isThere(root))
      assert.isFalse(yield* store.isThere(`${root}/none`))
    }))
})

describe("ModelLocation", () => {
  it("takes https addresses and those of this machine, with the hash in hexadecimal", () => {
    const decode = Schema.decodeUnknownResult(ModelLocation)
    const sha256 = "a".repeat(64)
    for (
      const url of ["https://host/m.tar.bz2", "http://127.0.0.1:8000/m.onnx", "http://[::1]/m", "http://localhost/m"]
    ) {
      assert.strictEqual(decode({ url, sha256 })._tag, "Success", url)
    }
    for (
      const url of [
        "http://host/m.onnx",
        "ftp://host/m",
        "file:///etc/passwd",
        "https://user:key@host/m",
        "m.onnx",
        "https://host/m.zip",
        "https://host/m.tar.xz",
        "http://localhost.example/m"
      ]
    ) assert.strictEqual(decode({ url, sha256 })._tag, "Failure", url)
    for (const wrong of ["", "A".repeat(64), "a".repeat(63), "../".repeat(22)]) {
      assert.strictEqual(decode({ url: "https://host/m", sha256: wrong })._tag, "Failure", wrong)
    }
    assert.strictEqual(decode({ url: "https://host/m" })._tag, "Failure")
    assert.strictEqual(decode("models/german")._tag, "Success")
  })
})
