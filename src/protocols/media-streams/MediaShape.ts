/**
 * The shape of a carrier's messages with audio: what all of them have in common, byte for byte, and where they differ. It is learnt from
 * one that was parsed; one that has the shape need not be parsed, which is most of what it costs.
 *
 * Between two such messages only whole numbers and the payload differ. A message has the shape when its bytes are those of
 * the first one, with other digits in place of the numbers and other base64 in place of the payload: JSON has no other
 * meaning for it. Whatever does not match is parsed.
 *
 * @since 0.1.0
 */
import { Buffer } from "node:buffer"
import { isRecord, type JsonRecord, parseRecord } from "../../schema/Json.ts"

const MAX_DIGITS = 15
/** More numbers than any carrier's message has. */
const MAX_HOLES = 16
/** Messages with audio have some hundred bytes beside it. */
const MAX_LITERAL_BYTES = 4_096

const QUOTE = 0x22
const ZERO = 0x30

const isBase64 = Uint8Array.from(
  { length: 256 },
  (_, code) => /[A-Za-z0-9+/=]/.test(String.fromCharCode(code)) ? 1 : 0
)

/** A place where messages differ: a number, a number that is written as a string, or the payload. */
interface Hole {
  readonly kind: "number" | "digits" | "payload"
  readonly from: number
  readonly to: number
}

/** The values of a message, in order: each string that is no key, and each number. */
const value = /"((?:[^"\\]|\\.)*)"(\s*:)?|-?\d[\d.eE+-]*/gs

/** `text` has a character for each byte. */
const holesOf = (text: string, payload: string): ReadonlyArray<Hole> => {
  const holes: Array<Hole> = []
  for (const { 0: whole, 1: quoted, 2: colon, index } of text.matchAll(value)) {
    if (colon !== undefined) continue
    if (quoted === undefined) {
      if (/^(?:0|[1-9]\d{0,14})$/.test(whole)) holes.push({ kind: "number", from: index, to: index + whole.length })
      continue
    }
    const kind = quoted === payload ? "payload" : /^\d{1,15}$/.test(quoted) ? "digits" : undefined
    if (kind !== undefined) holes.push({ kind, from: index + 1, to: index + 1 + quoted.length })
  }
  return holes
}

/**
 * Some bytes as a text of as many characters.
 *
 * @category conversions
 * @since 0.1.0
 */
export const textOf = (data: Uint8Array, from: number, to: number): string =>
  (Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength)).toString(
    "latin1",
    from,
    to
  )

/** What is put into the hole of this number, to find out which value it is of. */
const mark = (hole: number): string => `9000${String(hole).padStart(2, "0")}`

/**
 * @category models
 * @since 0.1.0
 */
export class MediaShape {
  readonly #literals: ReadonlyArray<Uint8Array>
  readonly #kinds: ReadonlyArray<Hole["kind"]>
  readonly #chunkHole: number
  /** Where the payload of the last message that had the shape begins and ends. */
  from = 0
  to = 0
  /** The number of its chunk; `undefined` where messages have none. */
  chunk: number | undefined

  private constructor(
    literals: ReadonlyArray<Uint8Array>,
    kinds: ReadonlyArray<Hole["kind"]>,
    chunkHole: number
  ) {
    this.#literals = literals
    this.#kinds = kinds
    this.#chunkHole = chunkHole
  }

  /**
   * Learns from a message with audio and what it was parsed as; `streamId` is the key of the stream's id. `undefined` where a
   * message of its shape might mean something else.
   */
  static learn(data: Uint8Array, parsed: JsonRecord, streamId: string): MediaShape | undefined {
    const media = parsed["media"]
    if (!isRecord(media) || typeof media["payload"] !== "string") return undefined
    const payload = media["payload"]
    const text = textOf(data, 0, data.length)
    if (text.length - payload.length > MAX_LITERAL_BYTES) return undefined
    const holes = holesOf(text, payload)
    if (holes.length > MAX_HOLES || holes.filter(({ kind }) => kind === "payload").length !== 1) return undefined

    const literals = [...holes, undefined].map((hole, i) => text.slice(holes[i - 1]?.to ?? 0, hole?.from))
    const filled = literals.map((literal, i) => i < holes.length ? literal + mark(i) : literal).join("")
    const probe = parseRecord(new TextDecoder().decode(Buffer.from(filled, "latin1")))
    const probed = probe?.["media"]
    if (probe === undefined || !isRecord(probed)) return undefined
    const holeOf = (found: unknown) => holes.findIndex((_, i) => String(found) === mark(i))
    const chunkHole = holeOf(probed["chunk"])
    const isSame = probe["event"] === parsed["event"] && probe[streamId] === parsed[streamId] &&
      probed["track"] === media["track"]
    const isPayload = holes[holeOf(probed["payload"])]?.kind === "payload"
    if (!isSame || !isPayload || (chunkHole < 0 && media["chunk"] !== undefined)) return undefined
    return new MediaShape(
      literals.map((literal) => Buffer.from(literal, "latin1")),
      holes.map(({ kind }) => kind),
      chunkHole
    )
  }

  /** Whether a message has the shape; then `chunk`, and `from` and `to` of its payload, are set. */
  matches(data: Uint8Array): boolean {
    const literals = this.#literals
    const kinds = this.#kinds
    this.chunk = undefined
    let at = 0
    for (let hole = 0; hole < literals.length; hole++) {
      const literal = literals[hole]!
      if (data.length - at < literal.length) return false
      for (let i = 0; i < literal.length; i++) if (data[at + i] !== literal[i]) return false
      at += literal.length
      if (hole === kinds.length) break
      const from = at
      if (kinds[hole] === "payload") {
        while (at < data.length && isBase64[data[at]!] === 1) at++
        if (data[at] !== QUOTE) return false
        this.from = from
        this.to = at
      } else {
        let number = 0
        for (let digit = 0; at < data.length && (digit = data[at]! - ZERO) >= 0 && digit <= 9; at++) {
          number = 10 * number + digit
        }
        const digits = at - from
        if (digits === 0 || digits > MAX_DIGITS) return false
        // JSON has no number that begins with a zero
        if (kinds[hole] === "number" && digits > 1 && data[from] === ZERO) return false
        if (hole === this.#chunkHole) this.chunk = number
      }
    }
    return at === data.length
  }
}
