/**
 * Reads what an ONNX file says of itself: its metadata, its inputs and outputs. The weights are skipped, not read.
 *
 * The library ends the process on a file that it cannot use, so this is looked at first. The format is protobuf: a message is a
 * list of fields, each with a number, a kind, and a value or its length.
 *
 * @since 0.1.0
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs"
import { basename } from "node:path"
import { ModelFault } from "./ModelFault.ts"

/**
 * An input or output: its name, and its dimensions; `undefined` for one that is not fixed.
 *
 * @category models
 * @since 0.1.0
 */
export interface OnnxValue {
  readonly name: string
  readonly shape: ReadonlyArray<number | undefined>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface OnnxFile {
  readonly path: string
  readonly metadata: ReadonlyMap<string, string>
  readonly inputs: ReadonlyArray<OnnxValue>
  readonly outputs: ReadonlyArray<OnnxValue>
}

/** A model of 2.5 GB has some ten thousand nodes and weights, each a field of the graph. */
const MAX_FIELDS = 2_000_000
const MAX_TEXT = 4 * 2 ** 20
const MAX_NAMED = 10_000
const WINDOW = 65_536

/** The numbers of the fields that are read. */
const Model = { graph: 7, opsets: 8, metadata: 14 } as const
const Graph = { input: 11, output: 12 } as const
const Value = { name: 1, type: 2 } as const
const TypeOf = { tensor: 1 } as const
const Tensor = { shape: 2 } as const
const Shape = { dimension: 1 } as const
const Dimension = { value: 1 } as const
const Entry = { key: 1, value: 2 } as const

/** A file that is read at any place, through a window. */
class Source {
  readonly length: number
  readonly name: string
  readonly #file: number
  readonly #window = Buffer.alloc(WINDOW)
  #start = 0
  #held = 0
  #fields = 0

  constructor(file: number, name: string) {
    this.#file = file
    this.name = name
    this.length = fstatSync(file).size
  }

  fault(message: string): ModelFault {
    return new ModelFault(`${this.name} is no ONNX file that can be read: ${message}`)
  }

  count(): void {
    if (++this.#fields > MAX_FIELDS) throw this.fault("it has too many parts")
  }

  byte(at: number): number {
    if (at >= this.length) throw this.fault("it is cut off")
    if (at < this.#start || at >= this.#start + this.#held) {
      this.#start = at
      this.#held = readSync(this.#file, this.#window, 0, WINDOW, at)
      if (this.#held === 0) throw this.fault("it is cut off")
    }
    return this.#window[at - this.#start]!
  }

  text(from: number, to: number): string {
    if (to - from > MAX_TEXT) throw this.fault("a text in it is too long")
    const bytes = Buffer.alloc(to - from)
    for (let at = 0; at < bytes.length;) {
      const read = readSync(this.#file, bytes, at, bytes.length - at, from + at)
      if (read === 0) throw this.fault("it is cut off")
      at += read
    }
    return bytes.toString("utf8")
  }
}

interface Range {
  readonly from: number
  readonly to: number
}

interface Field extends Range {
  readonly number: number
  /** The value of a number's field; the range is that of a field with a length. */
  readonly value: number
}

/** At most 2^53: no length or size is larger. Gives the place behind it. */
const varint = (source: Source, from: number): readonly [value: number, next: number] => {
  let value = 0
  let weight = 1
  for (let at = from; at < from + 10; at++) {
    const byte = source.byte(at)
    value += (byte & 0x7f) * weight
    if (byte < 0x80) return [value, at + 1]
    weight *= 128
  }
  throw source.fault("a number in it is too long")
}

function* fields(source: Source, { from, to }: Range): Generator<Field> {
  for (let at = from; at < to;) {
    source.count()
    const [tag, next] = varint(source, at)
    const number = Math.floor(tag / 8)
    const kind = tag % 8
    if (number === 0) throw source.fault("it has a field without a number")
    if (kind === 0) {
      const [value, end] = varint(source, next)
      yield { number, value, from: next, to: next }
      at = end
    } else if (kind === 2) {
      const [length, begin] = varint(source, next)
      if (begin + length > to) {
        throw source.fault(to === source.length ? "it is cut off" : "a part is longer than its whole")
      }
      yield { number, value: 0, from: begin, to: begin + length }
      at = begin + length
    } else if (kind === 1 || kind === 5) {
      at = next + (kind === 1 ? 8 : 4)
    } else {
      throw source.fault(`it has a field of the kind ${kind}`)
    }
    if (at > to) throw source.fault("it is cut off")
  }
}

const find = (source: Source, range: Range, number: number): Field | undefined => {
  for (const field of fields(source, range)) if (field.number === number) return field
  return undefined
}

const textOf = (source: Source, range: Range, number: number): string => {
  const field = find(source, range, number)
  return field === undefined ? "" : source.text(field.from, field.to)
}

const shapeOf = (source: Source, value: Range): ReadonlyArray<number | undefined> => {
  const type = find(source, value, Value.type)
  const tensor = type === undefined ? undefined : find(source, type, TypeOf.tensor)
  const shape = tensor === undefined ? undefined : find(source, tensor, Tensor.shape)
  if (shape === undefined) return []
  return [...fields(source, shape)].filter(({ number }) => number === Shape.dimension).map((dimension) =>
    find(source, dimension, Dimension.value)?.value
  )
}

const valueOf = (source: Source, range: Range): OnnxValue => ({
  name: textOf(source, range, Value.name),
  shape: shapeOf(source, range)
})

/** A model in ONNX Runtime's own format, which is not protobuf; nothing is read of it. */
const isOrt = (source: Source): boolean =>
  source.length > 8 && [0x4f, 0x52, 0x54, 0x4d].every((letter, i) => source.byte(4 + i) === letter)

/**
 * Reads a file. Throws `ModelFault` for one that is no ONNX.
 *
 * @category reading
 * @since 0.1.0
 */
export const read = (path: string): OnnxFile => {
  const file = openSync(path, "r")
  try {
    const source = new Source(file, basename(path))
    if (source.length === 0) throw source.fault("it is empty")
    const metadata = new Map<string, string>()
    const inputs: Array<OnnxValue> = []
    const outputs: Array<OnnxValue> = []
    if (isOrt(source)) return { path, metadata, inputs, outputs }
    let graphs = 0
    for (const field of fields(source, { from: 0, to: source.length })) {
      if (metadata.size + inputs.length + outputs.length > MAX_NAMED) throw source.fault("it has too many names")
      if (field.number === Model.metadata) {
        metadata.set(textOf(source, field, Entry.key), textOf(source, field, Entry.value))
      } else if (field.number === Model.graph) {
        graphs++
        for (const part of fields(source, field)) {
          if (part.number === Graph.input) inputs.push(valueOf(source, part))
          else if (part.number === Graph.output) outputs.push(valueOf(source, part))
        }
      }
    }
    if (graphs !== 1 || outputs.length === 0) throw source.fault("it has no graph with outputs")
    return { path, metadata, inputs, outputs }
  } finally {
    closeSync(file)
  }
}

/**
 * A whole number of the metadata; `undefined` when it is not there.
 *
 * @category accessors
 * @since 0.1.0
 */
export const integer = ({ metadata, path }: OnnxFile, key: string): number | undefined => {
  const text = metadata.get(key)
  if (text === undefined) return undefined
  if (!/^-?\d{1,9}$/.test(text.trim())) {
    throw new ModelFault(`${basename(path)}: its metadata ${key} is not a whole number`)
  }
  return Number(text)
}

/**
 * Requires keys of the metadata, without which the library ends the process.
 *
 * @category checks
 * @since 0.1.0
 */
export const requireKeys = ({ metadata, path }: OnnxFile, kind: string, keys: ReadonlyArray<string>): void => {
  const missing = keys.filter((key) => !metadata.has(key))
  if (missing.length > 0) {
    throw new ModelFault(
      `${basename(path)} has no metadata ${
        missing.join(", ")
      }, which a model of the kind ${kind} must have: it was not ` +
        `exported for sherpa-onnx, or is of another kind`
    )
  }
}
