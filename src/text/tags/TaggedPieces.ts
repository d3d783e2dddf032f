/**
 * Pieces of a text whose kept tags are encoded, made ready for a voice: tags are decoded, never stand alone, and an element
 * is not cut in two. Pure.
 *
 * @since 0.1.0
 */
import * as SpeechTags from "./SpeechTags.ts"

/** Pieces are joined up to this length, in characters. */
const MAX_JOINED = 400

const encodedAny = /[\uDB80-\uDBBF]/
const tag = /<(\/?)([a-z][a-z0-9:_-]*)(?:\s[^<>]*?)?(\/?)>/giu
const endTags = /^(?:<\/[^<>]*>)+/u
const speakable = /[\p{L}\p{N}]/u

/** Whether an element is open that is sent in one piece with its content. */
const isOpen = (text: string): boolean => {
  let depth = 0
  for (const [, end, name = "", empty] of text.matchAll(tag)) {
    if (empty === "/" || !SpeechTags.enclosing.has(name.toLowerCase())) continue
    depth = end === "/" ? Math.max(0, depth - 1) : depth + 1
  }
  return depth > 0
}

/**
 * @category models
 * @since 0.1.0
 */
export class TaggedPieces {
  #held = ""

  /** Takes a piece, and returns what can be spoken: a piece that holds only tags goes with the next one. */
  push(piece: string): ReadonlyArray<string> {
    if (this.#held === "" && !encodedAny.test(piece)) return [piece]
    // the end of an element belongs to what it ends
    const closing = this.#held === "" ? "" : endTags.exec(SpeechTags.decode(piece))?.[0] ?? ""
    if (closing !== "") {
      const encoded = SpeechTags.encode(closing)
      const rest = piece.slice(encoded.length).trimStart()
      this.#held += encoded
      return [...this.#release(), ...(rest === "" ? [] : this.push(rest))]
    }
    this.#held = this.#held === "" ? piece : `${this.#held} ${piece}`
    return this.#release()
  }

  /** Gives out what is held, unless more belongs to it. */
  #release(): ReadonlyArray<string> {
    const text = SpeechTags.decode(this.#held)
    const isTagAlone = !speakable.test(text.replace(tag, "").replace(/\[[^\]]*\]/gu, ""))
    if (this.#held.length < MAX_JOINED && (isTagAlone || isOpen(text))) return []
    this.#held = ""
    return [text]
  }

  /** Ends the text. Tags alone at its end are not spoken. */
  flush(): ReadonlyArray<string> {
    const text = SpeechTags.decode(this.#held)
    this.#held = ""
    return speakable.test(text.replace(tag, "")) ? [text] : []
  }
}
