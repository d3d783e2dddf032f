/**
 * What was said, as it was heard.
 *
 * The user's words are the transcript of a turn; the agent's are those whose audio was played, to one word, with a mark
 * when the user cut them off. Items stand in the order in which things happened.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * One utterance.
 *
 * - `turn`: the exchange it belongs to, from 1.
 * - `kind`: `speech`; `text` when the user typed; `audio` for sound without text (`sendAudio`).
 * - `interrupted`: the agent was cut off, `text` is what had been played.
 * - `atMs`: Unix time at which it began to count: the turn was committed, or the first audio left.
 *
 * @category models
 * @since 0.1.0
 */
export const HistoryItem = Schema.Struct({
  role: Schema.Literals(["user", "agent"]),
  turn: Schema.Natural,
  kind: Schema.Literals(["speech", "text", "audio"]),
  text: Schema.String,
  interrupted: Schema.Boolean,
  atMs: Schema.Finite
}).pipe(Schema.encodeKeys({ atMs: "at_ms" }))

/**
 * @category models
 * @since 0.1.0
 */
export type HistoryItem = typeof HistoryItem.Type

/**
 * How an item reads in a prompt: an interrupted answer ends in an ellipsis, so that a model sees that it was cut.
 *
 * @category conversions
 * @since 0.1.0
 */
export const render = (item: HistoryItem): string => item.interrupted ? `${item.text} …` : item.text
