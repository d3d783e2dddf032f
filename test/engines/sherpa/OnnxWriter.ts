/**
 * Writes small ONNX models by hand: a recogniser that hears continuously and knows two words by how loud they are, and a voice of
 * tones. A few hundred bytes each, so that the native library runs them in a test.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"

const varint = (value: number): Buffer => {
  const bytes: Array<number> = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) | 0x80)
    rest = Math.floor(rest / 128)
  }
  return Buffer.from([...bytes, rest])
}
const number = (field: number, value: number): Buffer => Buffer.concat([varint(field * 8), varint(value)])
const bytes = (field: number, value: Uint8Array | string): Buffer => {
  const content = typeof value === "string" ? Buffer.from(value) : value
  return Buffer.concat([varint(field * 8 + 2), varint(content.length), content])
}
const message = (field: number, ...parts: ReadonlyArray<Buffer>): Buffer => bytes(field, Buffer.concat(parts))

const FLOAT = 1
const INT32 = 6
const INT64 = 7
const FLOAT16 = 10

const floats = (name: string, shape: ReadonlyArray<number>, values: ReadonlyArray<number>): Buffer =>
  message(
    5,
    ...shape.map((size) => number(1, size)),
    number(2, FLOAT),
    bytes(8, name),
    bytes(9, new Uint8Array(Float32Array.from(values).buffer))
  )
const int64s = (name: string, values: ReadonlyArray<number>): Buffer =>
  message(
    5,
    number(1, values.length),
    number(2, INT64),
    bytes(8, name),
    bytes(9, new Uint8Array(BigInt64Array.from(values, BigInt).buffer))
  )

const value = (field: number, name: string, type: number, shape: ReadonlyArray<number | string>): Buffer =>
  message(
    field,
    bytes(1, name),
    message(
      2,
      message(
        1,
        number(1, type),
        message(2, ...shape.map((size) => message(1, typeof size === "number" ? number(1, size) : bytes(2, size))))
      )
    )
  )
const input = (name: string, type: number, shape: ReadonlyArray<number | string>) => value(11, name, type, shape)
const output = (name: string, type: number, shape: ReadonlyArray<number | string>) => value(12, name, type, shape)

const int = (name: string, of: number): Buffer => message(5, bytes(1, name), number(3, of), number(20, 2))
const ints = (name: string, of: ReadonlyArray<number>): Buffer =>
  message(5, bytes(1, name), ...of.map((one) => number(8, one)), number(20, 7))
const node = (
  operator: string,
  inputs: ReadonlyArray<string>,
  outputs: ReadonlyArray<string>,
  ...attributes: ReadonlyArray<Buffer>
): Buffer =>
  message(
    1,
    ...inputs.map((name) => bytes(1, name)),
    ...outputs.map((name) => bytes(2, name)),
    bytes(4, operator),
    ...attributes
  )

export type Metadata = Readonly<Record<string, string>>

const model = (metadata: Metadata, ...graph: ReadonlyArray<Buffer>): Buffer =>
  Buffer.concat([
    number(1, 8),
    message(8, number(2, 13)),
    message(7, bytes(2, "toy"), ...graph),
    ...Object.entries(metadata).map(([key, text]) => message(14, bytes(1, key), bytes(2, text)))
  ])

/** Any model with this metadata, which only passes its input on. */
export const identity = (metadata: Metadata, width: number = 4, name = "x"): Buffer =>
  model(
    metadata,
    node("Identity", [name], ["y"]),
    input(name, FLOAT, ["N", width]),
    output("y", FLOAT, ["N", width])
  )

export const words = ["<blk>", "\u2581hello", "\u2581world"]

/** The metadata of T-one: 300 ms of 8 kHz at a time, 10 frames of output. */
export const toneMetadata: Metadata = { frame_length_ms: "300", state_dim: "4", sample_rate: "8000" }

/** Nothing below an amplitude of about 500 of 32767, "hello" to 3,000, "world" above: for each of `width` tokens a line. */
export const tone = (metadata: Metadata = toneMetadata, width = words.length): Buffer => {
  const slopes = [0, 1, 2]
  const offsets = [0, -500, -3500]
  return model(
    metadata,
    floats("slopes", [1, 1, width], Array.from({ length: width }, (_, i) => slopes[i] ?? 0)),
    floats("offsets", [1, 1, width], Array.from({ length: width }, (_, i) => offsets[i] ?? -1e6)),
    int64s("frames", [0, 10, 240]),
    node("Cast", ["signal"], ["float"], int("to", FLOAT)),
    node("Reshape", ["float", "frames"], ["framed"]),
    node("Abs", ["framed"], ["absolute"]),
    node("ReduceMean", ["absolute"], ["level"], ints("axes", [2]), int("keepdims", 1)),
    node("Mul", ["level", "slopes"], ["scaled"]),
    node("Add", ["scaled", "offsets"], ["logprobs"]),
    node("Identity", ["state"], ["state_next"]),
    input("signal", INT32, ["N", 2400, 1]),
    input("state", FLOAT16, ["N", 4]),
    output("logprobs", FLOAT, ["N", 10, width]),
    output("state_next", FLOAT16, ["N", 4])
  )
}

export const voiceMetadata: Metadata = {
  sample_rate: "8000",
  n_speakers: "1",
  language: "German",
  comment: "toy",
  frontend: "characters",
  use_eos_bos: "0"
}

/** 100 ms of a square wave for each character, the louder the later in the alphabet. */
export const voice = (metadata: Metadata = voiceMetadata): Buffer =>
  model(
    metadata,
    floats("wave", [1, 1, 800], Array.from({ length: 800 }, (_, i) => (Math.floor(i / 20) % 2 === 0 ? 0.02 : -0.02))),
    int64s("columns", [1, -1, 1]),
    int64s("row", [1, 1, -1]),
    node("Cast", ["x"], ["float"], int("to", FLOAT)),
    node("Reshape", ["float", "columns"], ["column"]),
    node("Mul", ["column", "wave"], ["waves"]),
    node("Reshape", ["waves", "row"], ["y"]),
    input("x", INT64, ["N", "L"]),
    input("x_length", INT64, ["N"]),
    input("noise_scale", FLOAT, [1]),
    input("length_scale", FLOAT, [1]),
    input("noise_scale_w", FLOAT, [1]),
    output("y", FLOAT, ["N", 1, "T"])
  )

export const tokens = (symbols: ReadonlyArray<string>): string =>
  symbols.map((symbol, i) => `${symbol} ${i}\n`).join("")

export const letters = [..."_abcdefghijklmnopqrstuvwxyz.,!?'"]

/** Writes files into a folder, which is made. */
export const folder = (path: string, files: Readonly<Record<string, string | Uint8Array>>): string => {
  for (const [name, content] of Object.entries(files)) {
    Fs.mkdirSync(Path.dirname(Path.join(path, name)), { recursive: true })
    Fs.writeFileSync(Path.join(path, name), content)
  }
  return path
}
