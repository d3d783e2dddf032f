/**
 * Decodes bzip2, which the published archives of speech models use and Node has no decoder for.
 *
 * Pure. Written from the description of the format; several streams after each other are one, as `bzip2` reads them. Every
 * block's and every stream's checksum is checked. Memory: 8 MB, whatever the input.
 *
 * @since 0.1.0
 */

/**
 * The input is not bzip2, or is damaged.
 *
 * @category errors
 * @since 0.1.0
 */
export class Bzip2Error extends Error {
  override readonly name = "Bzip2Error"
}

const BLOCK_MAGIC_HIGH = 0x314159
const BLOCK_MAGIC_LOW = 0x265359
const END_MAGIC_HIGH = 0x177245
const END_MAGIC_LOW = 0x385090
/** Symbols that share one coding table. */
const GROUP = 50
const MAX_CODE = 20
const MAX_SELECTORS = 18_002
/** The pieces of decoded data. */
const PIECE = 65_536

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24
  for (let bit = 0; bit < 8; bit++) value = value < 0 ? (value << 1) ^ 0x04c1_1db7 : value << 1
  return value >>> 0
})

/** Reads bits, the most significant first. */
class Bits {
  readonly #next: () => Uint8Array | undefined
  #chunk: Uint8Array = new Uint8Array(0)
  #at = 0
  #held = 0
  #count = 0

  constructor(next: () => Uint8Array | undefined) {
    this.#next = next
  }

  /** Has another byte been read, or is there one? */
  get more(): boolean {
    return this.#count >= 8 || this.#fill()
  }

  #fill(): boolean {
    while (this.#at >= this.#chunk.length) {
      const chunk = this.#next()
      if (chunk === undefined) return false
      this.#chunk = chunk
      this.#at = 0
    }
    return true
  }

  /** At most 24 bits. */
  read(count: number): number {
    while (this.#count < count) {
      if (!this.#fill()) throw new Bzip2Error("it ends too early")
      this.#held = (this.#held << 8) | this.#chunk[this.#at++]!
      this.#count += 8
    }
    this.#count -= count
    return (this.#held >>> this.#count) & ((1 << count) - 1)
  }

  word(): number {
    return ((this.read(16) << 16) | this.read(16)) >>> 0
  }

  align(): void {
    this.#count -= this.#count % 8
  }
}

/** A canonical Huffman code: for each length the last code, and what to add to a code for the place of its symbol. */
interface Code {
  readonly shortest: number
  readonly last: Int32Array
  readonly offset: Int32Array
  readonly symbols: Uint16Array
}

const codeOf = (lengths: Uint8Array): Code => {
  const counts = new Int32Array(MAX_CODE + 2)
  for (const length of lengths) counts[length]!++
  const last = new Int32Array(MAX_CODE + 2).fill(-1)
  const offset = new Int32Array(MAX_CODE + 2)
  let code = 0
  let place = 0
  for (let length = 1; length <= MAX_CODE; length++) {
    const count = counts[length]!
    offset[length] = place - code
    code += count
    place += count
    last[length] = code - 1
    if (code > 1 << length) throw new Bzip2Error("a coding table has too many codes")
    code <<= 1
  }
  const symbols = new Uint16Array(lengths.length)
  let filled = 0
  for (let length = 1; length <= MAX_CODE; length++) {
    for (let symbol = 0; symbol < lengths.length; symbol++) if (lengths[symbol] === length) symbols[filled++] = symbol
  }
  return { shortest: lengths.reduce((least, length) => Math.min(least, length), MAX_CODE), last, offset, symbols }
}

const decodeSymbol = (bits: Bits, { last, offset, shortest, symbols }: Code): number => {
  let code = bits.read(shortest)
  for (let length = shortest; length <= MAX_CODE; length++) {
    if (code <= last[length]!) return symbols[code + offset[length]!]!
    code = (code << 1) | bits.read(1)
  }
  throw new Bzip2Error("an invalid code")
}

/** Moves the item at an index to the front. */
const toFront = (list: Uint8Array, index: number): number => {
  const item = list[index]!
  list.copyWithin(1, 0, index)
  list[0] = item
  return item
}

const readBytesInUse = (bits: Bits): Uint8Array => {
  const ranges = bits.read(16)
  const used: Array<number> = []
  for (let range = 0; range < 16; range++) {
    if ((ranges & (0x8000 >> range)) === 0) continue
    const flags = bits.read(16)
    for (let i = 0; i < 16; i++) if ((flags & (0x8000 >> i)) !== 0) used.push(16 * range + i)
  }
  if (used.length === 0) throw new Bzip2Error("a block without bytes")
  return Uint8Array.from(used)
}

const readSelectors = (bits: Bits, tables: number): Uint8Array => {
  const count = bits.read(15)
  if (count === 0) throw new Bzip2Error("a block without selectors")
  const order = Uint8Array.from({ length: tables }, (_, i) => i)
  const selectors = new Uint8Array(Math.min(count, MAX_SELECTORS))
  for (let i = 0; i < count; i++) {
    let index = 0
    while (bits.read(1) === 1) if (++index >= tables) throw new Bzip2Error("an invalid selector")
    const selector = toFront(order, index)
    if (i < MAX_SELECTORS) selectors[i] = selector // some writers add more than a block can use
  }
  return selectors
}

const readCode = (bits: Bits, symbols: number): Code => {
  const lengths = new Uint8Array(symbols)
  let length = bits.read(5)
  for (let symbol = 0; symbol < symbols; symbol++) {
    for (;;) {
      if (length < 1 || length > MAX_CODE) throw new Bzip2Error("an invalid code length")
      if (bits.read(1) === 0) break
      length += bits.read(1) === 0 ? 1 : -1
    }
    lengths[symbol] = length
  }
  return codeOf(lengths)
}

/** Reads a block's symbols into `block`, one byte in each number, and gives their count. */
const readSymbols = (bits: Bits, block: Uint32Array, size: number): number => {
  const front = readBytesInUse(bits)
  const end = front.length + 1
  const tables = bits.read(3)
  if (tables < 2 || tables > 6) throw new Bzip2Error("an invalid number of coding tables")
  const selectors = readSelectors(bits, tables)
  const codes = Array.from({ length: tables }, () => readCode(bits, end + 1))
  let filled = 0
  let group = -1
  let left = 0
  let code = codes[0]!
  let run = 0
  let weight = 1
  for (;;) {
    if (left === 0) {
      if (++group >= selectors.length) throw new Bzip2Error("a block has too few selectors")
      code = codes[selectors[group]!]!
      left = GROUP
    }
    left--
    const symbol = decodeSymbol(bits, code)
    if (symbol <= 1) {
      // the length of a run, in digits 1 and 2 of base 2
      run += weight << symbol
      weight <<= 1
      if (run > size) throw new Bzip2Error("a block is too long")
      continue
    }
    if (run > 0) {
      if (filled + run > size) throw new Bzip2Error("a block is too long")
      block.fill(front[0]!, filled, filled + run)
      filled += run
      run = 0
      weight = 1
    }
    if (symbol === end) return filled
    if (filled >= size) throw new Bzip2Error("a block is too long")
    block[filled++] = toFront(front, symbol - 1)
  }
}

/** Writes into each number, above its byte, where the next byte of the text is: the inverse of the sorting. */
const linkBlock = (block: Uint32Array, length: number): void => {
  const starts = new Uint32Array(256)
  for (let i = 0; i < length; i++) starts[block[i]! & 0xff]!++
  let sum = 0
  for (let byte = 0; byte < 256; byte++) {
    const count = starts[byte]!
    starts[byte] = sum
    sum += count
  }
  for (let i = 0; i < length; i++) block[starts[block[i]! & 0xff]!++]! |= i << 8
}

/** Decodes one block and gives its checksum. */
function* decodeBlock(bits: Bits, block: Uint32Array, size: number): Generator<Uint8Array<ArrayBuffer>, number> {
  const expected = bits.word()
  if (bits.read(1) === 1) throw new Bzip2Error("a randomised block, which no writer of this century makes")
  const origin = bits.read(24)
  const length = readSymbols(bits, block, size)
  if (origin >= length) throw new Bzip2Error("a block begins outside of itself")
  linkBlock(block, length)
  let crc = 0xffff_ffff
  let out = new Uint8Array(PIECE)
  let at = 0
  let entry = block[origin]! >>> 8
  let former = -1
  let same = 0
  for (let i = 0; i < length; i++) {
    const packed = block[entry]!
    const byte = packed & 0xff
    entry = packed >>> 8
    // the byte after four equal ones says how often they are repeated
    const isCount = same === 4
    const value = isCount ? former : byte
    const times = isCount ? byte : 1
    same = isCount ? 0 : byte === former ? same + 1 : 1
    former = isCount ? -1 : byte
    for (let n = 0; n < times; n++) {
      crc = (crc << 8) ^ CRC[(crc >>> 24) ^ value]!
      out[at++] = value
      if (at === PIECE) {
        yield out
        out = new Uint8Array(PIECE)
        at = 0
      }
    }
  }
  if (at > 0) yield out.slice(0, at)
  const actual = (crc ^ 0xffff_ffff) >>> 0
  if (actual !== expected) throw new Bzip2Error("the checksum of a block is wrong")
  return actual
}

/**
 * Decodes what `next` gives, until it gives `undefined`, in pieces of at most 64 KiB. Throws `Bzip2Error`.
 *
 * @category decoding
 * @since 0.1.0
 */
export function* decode(next: () => Uint8Array | undefined): Generator<Uint8Array<ArrayBuffer>, void> {
  const bits = new Bits(next)
  let block = new Uint32Array(0)
  do {
    if (bits.read(24) !== 0x425a68) throw new Bzip2Error("it is not bzip2")
    const level = bits.read(8) - 0x30
    if (level < 1 || level > 9) throw new Bzip2Error("it is not bzip2")
    const size = level * 100_000
    if (block.length < size) block = new Uint32Array(size)
    let combined = 0
    for (;;) {
      const high = bits.read(24)
      const low = bits.read(24)
      if (high === END_MAGIC_HIGH && low === END_MAGIC_LOW) break
      if (high !== BLOCK_MAGIC_HIGH || low !== BLOCK_MAGIC_LOW) throw new Bzip2Error("a block does not begin as one")
      const crc = yield* decodeBlock(bits, block, size)
      combined = ((combined << 1) | (combined >>> 31)) ^ crc
    }
    if (bits.word() !== combined >>> 0) throw new Bzip2Error("the checksum of the whole is wrong")
    bits.align()
  } while (bits.more)
}
