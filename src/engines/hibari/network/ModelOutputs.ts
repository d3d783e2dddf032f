/**
 * The inputs and outputs of an ONNX model, read from its file; and one more output for it: the result of an operator inside of
 * it, which the runtime computes anyway. Pure; reads and writes the file's format (Protocol Buffers), of which it needs a few
 * messages.
 *
 * @since 0.1.0
 */

/** Fields of the file's messages. */
const GRAPH = 7
const NODE = 1
const INITIALIZER = 5
const INITIALIZER_NAME = 8
const INPUT = 11
const VALUE_NAME = 1
const NODE_OUTPUT = 2
const NODE_OPERATOR = 4
const OUTPUT = 12
const LENGTH_DELIMITED = 2

/** A type: a tensor of int64, of any shape. */
const int64Type = [0x12, 0x04, 0x0a, 0x02, 0x08, 0x07]

interface Field {
  readonly number: number
  readonly wire: number
  /** Where the field begins, where its content begins, and where it ends. */
  readonly at: number
  readonly from: number
  readonly to: number
}

/** Reads a number of up to 49 bits at `at`; the second number is where it ends. */
const varint = (bytes: Uint8Array, at: number): readonly [value: number, end: number] => {
  let value = 0
  let scale = 1
  for (let i = at; i < at + 7; i++) {
    const byte = bytes[i]
    if (byte === undefined) break
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return [value, i + 1]
    scale *= 128
  }
  throw new RangeError("the model file is damaged")
}

/** The longest number in the format; only the first 49 bits are ever read. */
const skipVarint = (bytes: Uint8Array, at: number): number => {
  for (let i = at; i < at + 10; i++) if ((bytes[i] ?? 0) < 0x80) return i + 1
  throw new RangeError("the model file is damaged")
}

function* fieldsOf(bytes: Uint8Array, start: number, end: number): Generator<Field> {
  let at = start
  while (at < end) {
    const [tag, content] = varint(bytes, at)
    const wire = tag & 7
    let from = content
    let to: number
    switch (wire) {
      case 0:
        to = skipVarint(bytes, from)
        break
      case 1:
        to = from + 8
        break
      case LENGTH_DELIMITED: {
        const [length, begin] = varint(bytes, from)
        from = begin
        to = begin + length
        break
      }
      case 5:
        to = from + 4
        break
      default:
        throw new RangeError("the model file is damaged")
    }
    if (to > end) throw new RangeError("the model file is damaged")
    yield { number: Math.floor(tag / 8), wire, at, from, to }
    at = to
  }
}

const textOf = (bytes: Uint8Array, { from, to }: Field): string => new TextDecoder().decode(bytes.subarray(from, to))

const encodeVarint = (value: number): Array<number> => {
  const bytes: Array<number> = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push(rest % 128 | 0x80)
    rest = Math.floor(rest / 128)
  }
  return [...bytes, rest]
}

/** The name of what the only operator of this kind gives. */
const resultOf = (bytes: Uint8Array, graph: Field, operator: string): string | undefined => {
  let found: string | undefined
  for (const node of fieldsOf(bytes, graph.from, graph.to)) {
    if (node.number !== NODE || node.wire !== LENGTH_DELIMITED) continue
    let output: string | undefined
    let isWanted = false
    for (const field of fieldsOf(bytes, node.from, node.to)) {
      if (field.number === NODE_OUTPUT) output ??= textOf(bytes, field)
      if (field.number === NODE_OPERATOR) isWanted = textOf(bytes, field) === operator
    }
    if (!isWanted) continue
    if (found !== undefined) return undefined
    found = output
  }
  return found
}

/** The name in a message of the graph. */
const nameOf = (bytes: Uint8Array, message: Field, number: number): string => {
  for (const field of fieldsOf(bytes, message.from, message.to)) {
    if (field.number === number && field.wire === LENGTH_DELIMITED) return textOf(bytes, field)
  }
  return ""
}

/**
 * The names of a model's inputs, those with a value of their own left out, and of its outputs. Throws `RangeError` for bytes that
 * are no model.
 *
 * @category accessors
 * @since 0.1.0
 */
export const namesOf = (
  model: Uint8Array
): { readonly inputs: ReadonlyArray<string>; readonly outputs: ReadonlyArray<string> } => {
  const inputs = new Set<string>()
  const outputs: Array<string> = []
  const valued: Array<string> = []
  for (const graph of fieldsOf(model, 0, model.length)) {
    if (graph.number !== GRAPH || graph.wire !== LENGTH_DELIMITED) continue
    for (const field of fieldsOf(model, graph.from, graph.to)) {
      if (field.wire !== LENGTH_DELIMITED) continue
      if (field.number === INPUT) inputs.add(nameOf(model, field, VALUE_NAME))
      if (field.number === OUTPUT) outputs.push(nameOf(model, field, VALUE_NAME))
      if (field.number === INITIALIZER) valued.push(nameOf(model, field, INITIALIZER_NAME))
    }
  }
  for (const name of valued) inputs.delete(name)
  return { inputs: [...inputs], outputs }
}

/**
 * Returns a model with one more output: what its only operator of this kind gives, whole numbers of 64 bits. `undefined` for
 * a model that has none or several. Throws `RangeError` for bytes that are no model.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withResultOf = (
  model: Uint8Array,
  operator: string
): { readonly model: Uint8Array; readonly output: string } | undefined => {
  for (const graph of fieldsOf(model, 0, model.length)) {
    if (graph.number !== GRAPH || graph.wire !== LENGTH_DELIMITED) continue
    const output = resultOf(model, graph, operator)
    if (output === undefined) return undefined
    const name = new TextEncoder().encode(output)
    const value = [0x0a, ...encodeVarint(name.length), ...name, ...int64Type]
    const added = [OUTPUT * 8 + LENGTH_DELIMITED, ...encodeVarint(value.length), ...value]
    const head = [GRAPH * 8 + LENGTH_DELIMITED, ...encodeVarint(graph.to - graph.from + added.length)]
    const parts = [
      model.subarray(0, graph.at),
      head,
      model.subarray(graph.from, graph.to),
      added,
      model.subarray(graph.to)
    ]
    const changed = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of parts) {
      changed.set(part, at)
      at += part.length
    }
    return { model: changed, output }
  }
  return undefined
}
