/**
 * Which words of a bot's reply go with which of its audio.
 *
 * A bot tells its words in two ways: each as it is spoken (`bot-tts-text`, where its voice knows the times), or long before
 * their audio, as its model writes them. The latter are spread over the audio at the pace of speech, so that a reply that
 * is interrupted has not "said" what was not heard. Pure and synchronous.
 *
 * @since 0.1.0
 */

/** An unhurried speaker: 15 characters a second. */
const MS_PER_CHARACTER = 65
/** More words than a reply of an hour: a bot that tells more has no more of them told. */
const MAX_WORDS = 16_384

/** A longer word is cut. */
const MAX_PART = 256

const wordsOf = (text: string): ReadonlyArray<string> => text.split(/\s+/u).filter((word) => word !== "")

/**
 * The words of one reply.
 *
 * @category models
 * @since 0.1.0
 */
export class BotWordTiming {
  /** Words that wait for their audio, and when it begins, in ms of the reply's audio. */
  #planned: Array<{ readonly word: string; readonly atMs: number }> = []
  #plannedToMs = 0
  /** The beginning of a word that is being written. */
  #part = ""
  /** Words that go with the next audio. */
  #due: Array<string> = []
  /** Planned words that were given before the bot was found to tell them one by one. */
  #ahead = 0
  #oneByOne = false
  #count = 0

  /** The bot is going to say this, whole words, from now on. */
  sentence(text: string, playedMs: number): void {
    this.#plan(text, playedMs)
  }

  /** The bot is going to say this, which may begin or end within a word. */
  piece(text: string, playedMs: number): void {
    const whole = this.#part + text
    const end = whole.search(/\S*$/u)
    this.#part = whole.slice(end).slice(0, MAX_PART)
    this.#plan(whole.slice(0, end), playedMs)
  }

  /** The last piece was the last. */
  written(playedMs: number): void {
    const part = this.#part
    this.#part = ""
    this.#plan(part, playedMs)
  }

  #plan(text: string, playedMs: number): void {
    if (this.#oneByOne) return
    this.#plannedToMs = Math.max(this.#plannedToMs, playedMs)
    for (const word of wordsOf(text)) {
      if (this.#count++ >= MAX_WORDS) return
      this.#planned.push({ word, atMs: this.#plannedToMs })
      this.#plannedToMs += (word.length + 1) * MS_PER_CHARACTER
    }
  }

  /** The bot says this now. */
  spoken(text: string): void {
    if (!this.#oneByOne) {
      this.#oneByOne = true
      this.#planned = []
    }
    for (const word of wordsOf(text)) {
      if (this.#ahead > 0) this.#ahead--
      else if (this.#count++ < MAX_WORDS) this.#due.push(word)
    }
  }

  /** The words whose speech begins with the next audio, which is at so many ms of the reply. */
  take(atMs: number): string {
    while (this.#planned.length > 0 && this.#planned[0]!.atMs <= atMs) {
      this.#due.push(this.#planned.shift()!.word)
      this.#ahead++
    }
    return this.rest(false)
  }

  /** What is left when the reply has been said; with `planned` also what waits for its time. */
  rest(planned: boolean): string {
    if (planned) {
      for (const { word } of this.#planned) this.#due.push(word)
      this.#planned = []
    }
    const text = this.#due.join(" ")
    this.#due = []
    return text
  }
}
