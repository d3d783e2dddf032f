/**
 * Splits an agent's text into the sentences that are spoken one after another.
 *
 * @since 0.1.0
 */
import * as Stream from "effect/Stream"
import { SentenceTokenizer } from "../../text/SentenceTokenizer.ts"
import { spoken } from "../../text/SpokenText.ts"
import { compose, type TextTransform, type Transformer } from "../../text/TextTransform.ts"

class SplitterState {
  readonly #transformer: Transformer
  readonly #sentences = new SentenceTokenizer()

  constructor(transformer: Transformer) {
    this.#transformer = transformer
  }

  push(text: string): ReadonlyArray<string> {
    return this.#sentences.push(this.#transformer.push(text))
  }

  flush(): ReadonlyArray<string> {
    return [...this.#sentences.push(this.#transformer.flush()), ...this.#sentences.flush()]
  }
}

/**
 * Turns pieces of text of any size into sentences.
 *
 * @category models
 * @since 0.1.0
 */
export type SentenceSplitter = <E, R>(text: Stream.Stream<string, E, R>) => Stream.Stream<string, E, R>

/**
 * Makes a splitter that works while the text is written. Markdown and symbols are made speakable first, then these
 * transforms are applied.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (textTransforms: ReadonlyArray<TextTransform> = []): SentenceSplitter => {
  const transform = compose([spoken(), ...textTransforms])
  return (text) =>
    Stream.mapAccum(
      text,
      () => new SplitterState(transform()),
      (state, piece) => [state, state.push(piece)],
      { onHalt: (state) => state.flush() }
    )
}
