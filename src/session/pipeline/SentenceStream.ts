/**
 * Text for the ear, cut into what is spoken at once.
 *
 * @since 0.1.0
 */
import * as Stream from "effect/Stream"
import { Sentences } from "../../text/Sentences.ts"
import { spoken } from "../../text/SpokenText.ts"
import { compose, type TextTransform, type Transformer } from "../../text/TextTransform.ts"

class SentenceStream {
  readonly #transformer: Transformer
  readonly #sentences = new Sentences()

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
 * Makes sentences of an agent's text as it comes; Markdown and signs are made speakable first, then these transforms run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (textTransforms: ReadonlyArray<TextTransform> = []) => {
  const transform = compose([spoken(), ...textTransforms])
  return <E, R>(text: Stream.Stream<string, E, R>): Stream.Stream<string, E, R> =>
    Stream.mapAccum(
      text,
      () => new SentenceStream(transform()),
      (speaker, piece) => [speaker, speaker.push(piece)],
      { onHalt: (speaker) => speaker.flush() }
    )
}
