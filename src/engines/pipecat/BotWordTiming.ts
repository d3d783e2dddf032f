/**
 * Assigns the words of a bot's reply to its audio.
 *
 * A bot sends its words as they are spoken (`bot-tts-text`, if its voice has word timestamps), or long before their audio, as
 * the model writes them. The latter are spread over the audio at the pace of speech, so that the history of an interrupted
 * reply has no words that were not played. Pure and synchronous.
 *
 * @since 0.1.0
 */

/** The pace of slow speech: 15 characters per second. */
const MS_PER_CHARACTER = 65
/** More words than an hour of speech; the text of a longer reply is dropped. */
const MAX_WORDS = 16_384

/** In characters; a longer word is cut. */
const MAX_PART = 256

const wordsOf = (text: string): ReadonlyArray<string> => text.split(/\s+/u).filter((word) => word !== "")

/**
 * The words of one reply.
 *
 * @category models
 * @since 0.1.0
 */
export class BotWordTiming {
  /** Words whose audio has not arrived, and its expected position in the reply, in ms. */
  #planned: Array<{ readonly word: string; readonly atMs: number }> = []
  #plannedToMs = 0
  /** The start of an incomplete word. */
  #part = ""
  /** Words to send with the next audio. */
  #due: Array<string> = []
  /** Planned words that were sent before the first spoken one arrived. */
  #ahead = 0
  #hasTimestamps = false
  #count = 0

  /** Adds text of whole words that will be spoken after `playedMs`. */
  planWords(text: string, playedMs: number): void {
    this.#plan(text, playedMs)
  }

  /** Adds text that will be spoken after `playedMs`, and that may begin or end within a word. */
  planText(text: string, playedMs: number): void {
    const whole = this.#part + text
    const end = whole.search(/\S*$/u)
    this.#part = whole.slice(end).slice(0, MAX_PART)
    this.#plan(whole.slice(0, end), playedMs)
  }

  /** Ends the text: an incomplete word is complete. */
  endText(playedMs: number): void {
    const part = this.#part
    this.#part = ""
    this.#plan(part, playedMs)
  }

  #plan(text: string, playedMs: number): void {
    if (this.#hasTimestamps) return
    this.#plannedToMs = Math.max(this.#plannedToMs, playedMs)
    for (const word of wordsOf(text)) {
      if (this.#count++ >= MAX_WORDS) return
      this.#planned.push({ word, atMs: this.#plannedToMs })
      this.#plannedToMs += (word.length + 1) * MS_PER_CHARACTER
    }
  }

  /** Adds words that are spoken now. */
  addSpoken(text: string): void {
    if (!this.#hasTimestamps) {
      this.#hasTimestamps = true
      this.#planned = []
    }
    for (const word of wordsOf(text)) {
      if (this.#ahead > 0) this.#ahead--
      else if (this.#count++ < MAX_WORDS) this.#due.push(word)
    }
  }

  /** Takes the words that begin with the next audio, which is at `atMs` of the reply. */
  takeDue(atMs: number): string {
    while (this.#planned.length > 0 && this.#planned[0]!.atMs <= atMs) {
      this.#due.push(this.#planned.shift()!.word)
      this.#ahead++
    }
    return this.takeRest(false)
  }

  /** Takes the words that are due; with `planned` also those whose audio has not arrived. */
  takeRest(planned: boolean): string {
    if (planned) {
      for (const { word } of this.#planned) this.#due.push(word)
      this.#planned = []
    }
    const text = this.#due.join(" ")
    this.#due = []
    return text
  }
}
