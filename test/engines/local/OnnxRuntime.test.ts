/** The choice of the ONNX runtime, and that both run the same model to the same result. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import * as OnnxRuntime from "../../../src/engines/local/OnnxRuntime.ts"
import { ModelStore } from "../../../src/models/ModelStore.ts"
import { load } from "../Recordings.ts"

const speechProbability = async (packageName: string, model: Uint8Array): Promise<number> => {
  const onnx = await OnnxRuntime.load([packageName])
  assert.strictEqual(onnx.packageName, packageName)
  const session = await onnx.createSession(model)
  assert.include(session.inputNames, "input")
  const input = Float32Array.from(load("prudently").subarray(16_000, 16_576), (sample) => sample / 32_768)
  const { output } = await session.run({
    input: onnx.float32(input, [1, 576]),
    state: onnx.float32(new Float32Array(256), [2, 1, 128]),
    sr: onnx.int64(BigInt64Array.of(16_000n), [])
  })
  assert.isDefined(output)
  assert.deepEqual(output.dims, [1, 1])
  assert.instanceOf(output.data, Float32Array)
  return output.data[0]!
}

describe("OnnxRuntime", () => {
  it.layer(ModelStore.layer, { excludeTestServices: true })((it) => {
    it.effect("runs a model to the same result on both packages", () =>
      Effect.gen(function*() {
        const { files } = yield* (yield* ModelStore).ensure("silero-vad")
        const model = readFileSync(files["silero_vad.onnx"]!)
        const [native, web] = yield* Effect.promise(() =>
          Promise.all(OnnxRuntime.PACKAGES.map((name) => speechProbability(name, model)))
        )
        assert.isAbove(native!, 0)
        assert.closeTo(web!, native!, 1e-4)
      }))
  })

  it.effect("takes the next package where one is not installed, or says why it does not load", () =>
    Effect.gen(function*() {
      const absent = yield* Effect.promise(() => OnnxRuntime.load(["no-such-runtime", "onnxruntime-web"]))
      assert.deepEqual([absent.packageName, absent.unusable], ["onnxruntime-web", undefined])
      const broken = yield* Effect.promise(() => OnnxRuntime.load(["node:path", "onnxruntime-web"]))
      assert.deepEqual([broken.packageName, broken.unusable], [
        "onnxruntime-web",
        "node:path is not an ONNX runtime"
      ])
      const none = yield* Effect.promise(() =>
        OnnxRuntime.load(["no-such-runtime"]).then(() => undefined, (cause: unknown) => cause)
      )
      assert.propertyVal(none, "code", "ERR_MODULE_NOT_FOUND")
    }))
})
