import { readFileSync } from "node:fs"
import { beforeAll, describe, expect, it } from "vitest"
import * as AcousticNetwork from "../../../src/engines/hibari/network/AcousticNetwork.ts"
import { namesOf, withResultOf } from "../../../src/engines/hibari/network/ModelOutputs.ts"
import { BINS, FRAME } from "../../../src/engines/hibari/vocoder/Spectra.ts"
import { Vocoder } from "../../../src/engines/hibari/vocoder/Vocoder.ts"
import * as OnnxRuntime from "../../../src/engines/local/OnnxRuntime.ts"
import * as Golden from "./Golden.ts"

const model = readFileSync(new URL("../../../src/engines/hibari/model/hibari.onnx", import.meta.url))

describe("the acoustic network", () => {
  let network: AcousticNetwork.AcousticNetwork
  let isNative = false
  beforeAll(async () => {
    const runtime = await OnnxRuntime.load()
    isNative = runtime.packageName === "onnxruntime-node"
    network = await AcousticNetwork.load(runtime, model)
  }, 60_000)

  it.each(Golden.waveforms)("says \"$text\" as its authors' implementation does", async (golden) => {
    const { ends, spectra } = await network(golden.ids, golden.speed)
    expect(spectra.frames).toBe(golden.frames)
    const parts = {
      lh: spectra.harmonic,
      theta: spectra.harmonicPhase,
      ln: spectra.noise,
      lr: spectra.free,
      phi: spectra.freePhase
    }
    let furthest = 0
    for (const [name, values] of Object.entries(parts)) {
      for (const [bin, frame, value] of golden.outputs[name as keyof typeof parts].at) {
        furthest = Math.max(furthest, Math.abs(values[bin * golden.frames + frame]! - value))
      }
    }
    // the integer kernels of runtimes differ
    expect(furthest).toBeLessThan(isNative ? 0.05 : 0.2)
    golden.outputs.f0.values.forEach((value, frame) => {
      expect(Math.abs(spectra.pitch[frame]! - value)).toBeLessThan(isNative ? 1 : 4)
    })

    const samples = new Float32Array(FRAME * spectra.frames)
    new Vocoder(spectra, undefined).give(samples)
    const expected = golden.samples_from_7200 ?? golden.middle_samples!
    const ratio = Golden.signalToError(samples, expected, golden.middle_from ?? 7_200)
    if (furthest < 1e-4) expect(ratio).toBeGreaterThan(90)
    const rms = Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length)
    expect(Math.abs(rms / golden.rms - 1)).toBeLessThan(0.02)

    // each id is at least a pair of frames long, and together they are all frames
    expect(ends.length).toBe(golden.ids.length)
    Array.from(ends).forEach((end, i, all) => expect(end - (all[i - 1] ?? 0)).toBeGreaterThanOrEqual(2))
    expect(ends[golden.ids.length - 1]).toBe(golden.frames)
    // they are the network's own, not shared out evenly
    const lengths = Array.from(ends, (end, i) => end - (ends[i - 1] ?? 0))
    expect(new Set(lengths).size).toBeGreaterThan(3)
    // the pause of silence before the first sound belongs to the first id
    expect(lengths[0]).toBeGreaterThan(16)
  })
})

describe("a network with other outputs", () => {
  const runtimeOf = (outputs: (ids: number) => Record<string, OnnxRuntime.OnnxTensor>): OnnxRuntime.OnnxRuntime => ({
    packageName: "scripted",
    unusable: undefined,
    createSession: async () => ({
      inputNames: [],
      outputNames: [],
      run: async (inputs) => outputs(inputs["ids"]!.dims[1]!)
    }),
    float32: (data, dims) => ({ data, dims }),
    int64: (data, dims) => ({ data, dims })
  })
  const tensor = (length: number): OnnxRuntime.OnnxTensor => ({ data: new Float32Array(length), dims: [1, length] })
  const spectra = (frames: number) =>
    Object.fromEntries(["lh", "theta", "ln", "lr", "phi"].map((name) => [name, tensor(BINS * frames)]))

  it("is refused", async () => {
    for (
      const outputs of [{}, { f0: tensor(10) }, { f0: tensor(2), ...spectra(2) }, { f0: tensor(10), ...spectra(9) }]
    ) {
      await expect(AcousticNetwork.load(runtimeOf(() => outputs), model)).rejects.toThrow("unexpected outputs")
    }
    const fails = () => {
      throw new Error("indices out of range")
    }
    await expect(AcousticNetwork.load(runtimeOf(fails), model)).rejects.toThrow("indices out of range")
  })

  it("is refused for its inputs and outputs, and bytes that are no model, before the runtime sees them", async () => {
    const runtime = { ...runtimeOf(() => ({})), createSession: () => expect.fail("the runtime saw it") }
    const refused = (bytes: Uint8Array, why: string) =>
      expect(AcousticNetwork.load(runtime, bytes)).rejects.toThrow(`not a voice of hibari: ${why}`)
    const file = (path: string) => readFileSync(new URL(`../../../src/engines/${path}`, import.meta.url))
    await refused(file("hibari/model/oov.onnx"), "it has no input ids, input speed, output f0, output lh")
    await refused(file("smart-turn/model/smart-turn-v3.2-cpu.onnx"), "it has no input ids, input speed")
    for (const bytes of [new TextEncoder().encode("not a network"), model.subarray(0, 1_000_000)]) {
      await refused(bytes, "the model file is damaged")
    }
    await refused(new Uint8Array(0), "it has no input ids")
    // with one more input
    const input = [0x5a, 0x07, 0x0a, 0x05, ...new TextEncoder().encode("style")]
    const graph = [0x3a, input.length, ...input]
    await refused(Buffer.concat([model, Uint8Array.from(graph)]), "it has more inputs: style")
  })

  it("shares the time out evenly where it does not tell the lengths", async () => {
    const network = await AcousticNetwork.load(runtimeOf(() => ({ f0: tensor(12), ...spectra(12) })), model)
    expect(Array.from((await network([0, 50, 0], 1)).ends)).toEqual([4, 8, 12])
  })
})

describe("namesOf", () => {
  it("reads the inputs and outputs of a model", () => {
    expect(namesOf(model)).toEqual({ inputs: ["ids", "speed"], outputs: ["lh", "theta", "ln", "lr", "phi", "f0"] })
  })
})

describe("withResultOf", () => {
  it("names the result of the only operator of its kind", () => {
    const found = withResultOf(model, "CumSum")!
    expect(found.output).toBe("/CumSum_output_0")
    const added = found.model.length - model.length
    expect(added).toBeGreaterThan(found.output.length)
    expect(added).toBeLessThan(found.output.length + 20)
  })

  it("names nothing where there are several, or none", () => {
    expect(withResultOf(model, "MatMulInteger")).toBeUndefined()
    expect(withResultOf(model, "Loop")).toBeUndefined()
    expect(withResultOf(new Uint8Array(0), "CumSum")).toBeUndefined()
  })

  it("refuses what is no model", () => {
    expect(() => withResultOf(model.subarray(0, 100_000), "CumSum")).toThrow(RangeError)
    expect(() => withResultOf(new Uint8Array(64).fill(0xff), "CumSum")).toThrow(RangeError)
    expect(() => withResultOf(Uint8Array.of(0x3a, 0x05, 1), "CumSum")).toThrow(RangeError)
  })
})
