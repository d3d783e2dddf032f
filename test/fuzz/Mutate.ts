import type { Chance } from "./Chance.ts"

/** Mutates bytes: flips, cuts, splices, repeats, boundary values of number types, dictionary words. */

const edges8 = [0, 1, 0x7f, 0x80, 0xfe, 0xff, 0x0a, 0x0d, 0x20, 0x22, 0x5c]
const edges16 = [0, 1, 0x7fff, 0x8000, 0xffff, 0xfffe]
const edges32 = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0x7ffffff8]

const encoder = new TextEncoder()

const concat = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

const insert = (bytes: Uint8Array, at: number, part: Uint8Array): Uint8Array =>
  concat(bytes.subarray(0, at), part, bytes.subarray(at))

/** Words that have broken parsers. */
export const hostileWords: ReadonlyArray<string> = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "\u0000",
  "\\u0000",
  "\\ud800",
  "\\udc00",
  "\u2028",
  "\u202e",
  "\ufeff",
  "\u{1f600}",
  "e\u0301",
  "\ufb01",
  "\u0130",
  "%00",
  "%ff",
  "%c0%af",
  "../",
  "..%2f",
  "\r\n",
  "\n",
  "\t",
  "1e999",
  "-0",
  "-1",
  "NaN",
  "Infinity",
  "9007199254740993",
  "99999999999999999999999999",
  "0x10",
  "null",
  "true",
  "[]",
  "{}",
  "${HOME}",
  "'",
  "\"",
  "\\",
  "<script>",
  "&amp;"
]

export interface MutateOptions {
  readonly dictionary?: ReadonlyArray<string> | undefined
  /** Other inputs to splice with. */
  readonly pool: ReadonlyArray<Uint8Array>
  readonly maxBytes: number
}

const step = (bytes: Uint8Array, chance: Chance, options: MutateOptions): Uint8Array => {
  const n = bytes.length
  const at = chance.below(n + 1)
  const length = chance.small(n - at + 1)
  switch (chance.below(14)) {
    case 0:
    case 1: {
      if (n === 0) return bytes
      const out = bytes.slice()
      out[chance.below(n)]! ^= 1 << chance.below(8)
      return out
    }
    case 2: {
      if (n === 0) return bytes
      const out = bytes.slice()
      out[chance.below(n)] = chance.one(2) ? chance.pick(edges8) : chance.word() & 0xff
      return out
    }
    case 3: {
      if (n < 4) return bytes
      const out = bytes.slice()
      const view = new DataView(out.buffer)
      const little = chance.one(2)
      if (chance.one(2)) view.setUint16(chance.below(n - 1), chance.pick(edges16), little)
      else view.setUint32(chance.below(n - 3), chance.pick(edges32), little)
      return out
    }
    case 4:
      return bytes.slice(0, at)
    case 5:
      return concat(bytes.subarray(0, at), bytes.subarray(at + length))
    case 6:
      return insert(bytes, at, bytes.subarray(at, at + length))
    case 7: {
      const noise = new Uint8Array(1 + chance.small(16))
      for (let i = 0; i < noise.length; i++) noise[i] = chance.word() & 0xff
      return insert(bytes, at, noise)
    }
    case 8:
    case 9: {
      const other = chance.pick(options.pool)
      const from = chance.below(other.length + 1)
      return chance.one(2)
        ? concat(bytes.subarray(0, at), other.subarray(from))
        : insert(bytes, at, other.subarray(from, from + chance.small(other.length - from + 1)))
    }
    case 10: {
      const part = bytes.subarray(at, at + Math.max(1, chance.small(32)))
      if (part.length === 0) return bytes
      const times = 1 + chance.small(chance.one(20) ? 4_096 : 24)
      const fit = Math.min(times, Math.max(1, Math.floor((options.maxBytes - n) / part.length)))
      return insert(bytes, at, concat(...Array.from({ length: fit }, () => part)))
    }
    case 11: {
      // Two pieces change places.
      const cut = chance.below(n + 1)
      return concat(bytes.subarray(cut), bytes.subarray(0, cut))
    }
    default: {
      const words = options.dictionary === undefined || chance.one(3) ? hostileWords : options.dictionary
      const word = encoder.encode(chance.pick(words))
      return chance.one(2) ? insert(bytes, at, word) : concat(bytes.subarray(0, at), word, bytes.subarray(at + length))
    }
  }
}

/** Applies one or more mutations; fewer are more likely. */
export const bytes = (seed: Uint8Array, chance: Chance, options: MutateOptions): Uint8Array => {
  let out = seed
  for (let left = 1 + chance.small(8); left > 0; left--) out = step(out, chance, options)
  return out.length > options.maxBytes ? out.slice(0, options.maxBytes) : out
}

/** The text of an input. Unpaired surrogates have no UTF-8 form: two private-use characters stand for them. */
export const textOf = (input: Uint8Array): string =>
  new TextDecoder().decode(input).replaceAll("\ue000", "\ud800").replaceAll("\ue001", "\udc00")
