/**
 * The history of a conversation, as it was heard.
 *
 * The user's text is the transcript of a turn. The agent's text is what was played, exact to one word, and is marked as
 * interrupted when the user cut it off. Items are in the order in which they happened.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * One utterance.
 *
 * - `turn`: the turn it belongs to, from 1.
 * - `kind`: `speech`; `text` when the user typed; `audio` for audio without text (`sendAudio`).
 * - `interrupted`: the agent was cut off; `text` is what was played until then.
 * - `atMs`: Unix time in ms at which the user's turn ended, or the agent's first audio was sent.
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
 * Renders an item for a prompt. An interrupted answer ends in an ellipsis, so the model sees that it was cut off.
 *
 * @category conversions
 * @since 0.1.0
 */
export const render = (item: HistoryItem): string => item.interrupted ? `${item.text} …` : item.text
