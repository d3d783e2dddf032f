import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { existsSync } from "node:fs"
import { pathToFileURL } from "node:url"
import { adviceFor, importPackage, loadPackage, packageFile, urlOfModule } from "../src/ExternalPackage.ts"

describe("ExternalPackage", () => {
  it("says to install what is not there", async () => {
    const cause = await importPackage("effect-voice-no-such-package").catch((error: unknown) => error)
    assert.strictEqual(
      adviceFor("effect-voice-no-such-package", cause),
      "run \"npm install effect-voice-no-such-package\""
    )
  })

  it("shows the cause of what is there and does not load", () => {
    const wasm = new Error("WebAssembly.compile(): expected magic word\nat …")
    assert.strictEqual(
      adviceFor("@echogarden/speex-resampler-wasm", wasm),
      "it is installed, but could not be loaded: WebAssembly.compile(): expected magic word"
    )
    // A package that another one lacks is not the one to install.
    assert.include(
      adviceFor("redis", new Error("Cannot find package '@redis/client' imported from redis")),
      "@redis/client"
    )
  })

  it.effect("fails with the package in its details", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        loadPackage({ op: "test", purpose: "this test", packageName: "effect-voice-nothing" })
      )
      assert.strictEqual(error.code, "invalid_config")
      assert.strictEqual(
        error.message,
        "this test needs the package effect-voice-nothing: run \"npm install effect-voice-nothing\""
      )
      assert.deepStrictEqual(error.details, { missing: "effect-voice-nothing" })
    }))

  it("finds the files of workers beside a module, and of a module that is bundled or has no address", () => {
    const index = pathToFileURL("src/engines/flite/index.ts").href
    const worker = packageFile(index, "./FliteWorker.js", "engines/flite/FliteWorker.js")
    assert.isTrue(existsSync(worker))
    assert.match(worker.href, /FliteWorker\.ts$/u)
    // Where the package is not installed either, it is the one that is missing that is named.
    const bundle = pathToFileURL("/no/such/folder/bundle.js").href
    assert.match(packageFile(bundle, "./FliteWorker.js", "engines/flite/FliteWorker.js").href, /FliteWorker\.js$/u)
    assert.match(urlOfModule(undefined), /^file:/u)
  })
})
