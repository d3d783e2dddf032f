/**
 * A reply that is sent as text alone: as the agent writes it, with its layout, and without a voice.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { BackendError } from "../../BackendError.ts"
import * as AgentReply from "./AgentReply.ts"
import type { PipelineContext, ReplyRequest } from "./Pipeline.ts"
import * as SentenceReader from "./SentenceReader.ts"

/** Where a word is over: in front of white space, and behind the end of a sentence in writing without spaces. */
const WORD_END = /\s|(?<=[。！？])/gu

/** The spaces in front of a piece that follows another: pieces are joined by one. */
const LEADING_SPACES = /^[^\S\n]+/u

/**
 * Gives out the whole words of a text as they come. Line breaks stay with the words that follow them.
 *
 * @category models
 * @since 0.1.0
 */
export class WrittenWords implements SentenceReader.TextSplitter {
  #text = ""
  readonly dueMs = Number.POSITIVE_INFINITY

  push(text: string): ReadonlyArray<string> {
    // the last word may go on
    const end = Array.from(text.matchAll(WORD_END)).at(-1)?.index
    const whole = end === undefined ? "" : (this.#text + text.slice(0, end)).trimEnd()
    this.#text += text
    if (whole.trim() === "") return []
    this.#text = this.#text.slice(whole.length)
    return [whole.replace(LEADING_SPACES, "")]
  }

  flush(): ReadonlyArray<string> {
    const rest = this.#text.replace(LEADING_SPACES, "").trimEnd()
    this.#text = ""
    return rest.trim() === "" ? [] : [rest]
  }

  /** The text has failed: its last word may not be whole. */
  cut(): ReadonlyArray<string> {
    this.#text = ""
    return []
  }

  release(): ReadonlyArray<string> {
    return []
  }

  waits(): void {}
}

/**
 * Gives a text to the session word by word.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (
  context: PipelineContext,
  request: ReplyRequest,
  source: AgentReply.TextSource
): Effect.Effect<void, BackendError> =>
  AgentReply.run(
    context,
    request,
    source,
    (text, reading) => SentenceReader.read(text, () => new WrittenWords(), reading),
    ({ finished, sentences }) =>
      Stream.runForEach(
        Stream.onEnd(sentences, finished),
        (words) => Effect.sync(() => context.replyAudio.write(request.epoch, words))
      )
  )
