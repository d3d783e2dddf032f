/**
 * How the verdict on the audio and that on the words become one.
 *
 * @since 0.1.0
 */

/**
 * From this output of the model on a turn sounds finished; from half of it on it may be, which takes a second of silence. With
 * 0.8, 8 % of 86 pauses inside a sentence are taken for the end, and 2 of 35 ends take longer than a second; the model's own
 * threshold of 0.5 with the words takes 11 %. A reader of Dickens is cut off 5 times in 40 s with 0.5, and once with 0.8; 0.85 and
 * 0.9 let more ends of conversations wait for a second (`npm run bench -- endpointing`).
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

/** What words that are sure of more make of any sound: below what a conversation takes for unsure, a half of the threshold. */
const SURE_OF_MORE = 0.2

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
  if (words < WORDS_VETO) return Math.min(probability, words, SURE_OF_MORE)
  return words < WORDS_FINISH ? probability : Math.max(probability, words)
}
