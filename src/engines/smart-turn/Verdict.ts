/**
 * How the verdict on the audio and that on the words become one.
 *
 * @since 0.1.0
 */

/**
 * From this output of the model on a turn sounds finished. Its own threshold is 0.5, which with the words takes 11 % of 86 pauses
 * inside a sentence for the end, and misses 3 of 35 ends; 0.8 takes 8 % and misses 5 (`npm run bench -- endpointing`). A reader
 * of Dickens is cut off 5 times in 40 s with 0.5, and once with 0.8: being cut off is worse than an answer after 2 s.
 *
 * @category constants
 * @since 0.1.0
 */
export const SOUNDS_FINISHED = 0.8

/**
 * Words below this probability are sure that the turn goes on: a filler, a number that is still dictated (0.3 where the agent
 * did not ask for one), a comma, "the last caller was".
 *
 * @category constants
 * @since 0.1.0
 */
export const WORDS_VETO = 0.31

/**
 * Words from this probability on are sure that the turn is over, however it sounds: "all right, thanks", "never mind".
 *
 * @category constants
 * @since 0.1.0
 */
export const WORDS_FINISH = 0.97

/** The model's output as a probability that is 0.5 where a turn begins to sound finished. */
const probabilityOf = (heard: number): number =>
  heard < SOUNDS_FINISHED
    ? 0.5 * heard / SOUNDS_FINISHED
    : 0.5 + 0.5 * (heard - SOUNDS_FINISHED) / (1 - SOUNDS_FINISHED)

/**
 * The audio decides, and the words overrule it only where they are sure. Without a verdict on the audio the words decide.
 *
 * A mean of both would not do: most words could end a sentence, so they take 90 % of the pauses inside one for its end.
 *
 * @category combinators
 * @since 0.1.0
 */
export const combine = (heard: number | undefined, words: number): number => {
  if (heard === undefined) return words
  const probability = probabilityOf(heard)
  if (words < WORDS_VETO) return Math.min(probability, words)
  return words < WORDS_FINISH ? probability : Math.max(probability, words)
}
