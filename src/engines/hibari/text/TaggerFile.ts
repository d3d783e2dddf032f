/**
 * Reads the tagger's file into compact tables.
 *
 * Its weights, 79,534 objects with 291,441 numbers, are read byte by byte: as objects they would take half a second and 80 MB
 * for a moment.
 *
 * @since 0.1.0
 */
import type { TaggerTables, TaggerWeights } from "./tokens/Tagger.ts"

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN = 0x7b
const CLOSE = 0x7d
const COMMA = 0x2c
const COLON = 0x3a
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
const NINE = 0x39

/** What the file ends with, its last key. */
const START = ",\"weights\":{"

/** The bytes of a short text as a number. */
const keyOf = (bytes: Uint8Array): number => bytes.reduce((key, byte) => key * 256 + byte, 0)

/** Reads JSON of objects of numbers, in the form without white space. What has another form throws. */
class WeightReader {
  readonly #json: Buffer
  #at: number

  constructor(json: Buffer, at: number) {
    this.#json = json
    this.#at = at
  }

  /** Passes a byte if it is next. */
  skip(byte: number): boolean {
    if (this.#json[this.#at] !== byte) return false
    this.#at++
    return true
  }

  expect(byte: number): void {
    if (!this.skip(byte)) throw new Error(`the tagger's file has another form at byte ${this.#at}`)
  }

  name(): string {
    this.expect(QUOTE)
    const start = this.#at
    let isEscaped = false
    for (let byte = this.#json[this.#at]; byte !== QUOTE && byte !== undefined; byte = this.#json[this.#at]) {
      if (byte === BACKSLASH) isEscaped = true
      this.#at += byte === BACKSLASH ? 2 : 1
    }
    const end = this.#at
    this.expect(QUOTE)
    this.expect(COLON)
    return isEscaped
      ? JSON.parse(this.#json.toString("utf8", start - 1, end + 1)) as string
      : this.#json.toString("utf8", start, end)
  }

  /** A short name, as `keyOf` gives it. */
  key(): number {
    this.expect(QUOTE)
    let key = 0
    for (let byte = this.#json[this.#at]; byte !== QUOTE && byte !== undefined; byte = this.#json[++this.#at]) {
      key = key * 256 + byte
    }
    this.expect(QUOTE)
    this.expect(COLON)
    return key
  }

  /** A number with at most one decimal place, in tenths. */
  tenths(): number {
    const isNegative = this.skip(MINUS)
    let value = 0
    let places = -1
    for (let byte = this.#json[this.#at]!; byte === POINT || (byte >= ZERO && byte <= NINE);) {
      if (byte === POINT || places >= 0) places++
      if (byte !== POINT) value = value * 10 + byte - ZERO
      byte = this.#json[++this.#at]!
    }
    if (places < 1) value *= 10
    if (places > 1) throw new Error(`the tagger's file has a number with ${places} decimal places`)
    return isNegative ? -value : value
  }
}

const readWeights = (json: Buffer, from: number, names: ReadonlyArray<string>): TaggerWeights => {
  const numbers = new Map(names.map((name, i) => [keyOf(Buffer.from(name)), i]))
  const features = new Map<string, number>()
  const starts: Array<number> = []
  const tags: Array<number> = []
  const tenths: Array<number> = []
  const reader = new WeightReader(json, from)
  while (!reader.skip(CLOSE)) {
    features.set(reader.name(), starts.length)
    starts.push(tags.length)
    reader.expect(OPEN)
    while (!reader.skip(CLOSE)) {
      const tag = numbers.get(reader.key())
      if (tag === undefined) throw new Error("the tagger's file has a weight for an unknown tag")
      tags.push(tag)
      tenths.push(reader.tenths())
      reader.skip(COMMA)
    }
    reader.skip(COMMA)
  }
  starts.push(tags.length)
  return {
    features,
    starts: Uint32Array.from(starts),
    tags: Uint8Array.from(tags),
    tenths: Int16Array.from(tenths)
  }
}

/**
 * The tables in the file, given without compression. What has another form throws.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (json: Buffer): TaggerTables => {
  const end = json.indexOf(START)
  if (end === -1) throw new Error("the tagger's file has no weights")
  const { tagdict, tags, vocab } = JSON.parse(`${json.toString("utf8", 0, end)}}`) as {
    readonly tags: ReadonlyArray<string>
    readonly tagdict: { readonly [word: string]: string }
    readonly vocab: ReadonlyArray<string>
  }
  return {
    tags,
    known: new Map(Object.entries(tagdict)),
    vocabulary: new Set(vocab),
    weights: readWeights(json, end + START.length, tags)
  }
}
