/**
 * Leaves out what an agent's model wrote for itself, in the agent's stream of text.
 *
 * @since 0.1.0
 */
import * as Stream from "effect/Stream"
import * as ThoughtFilter from "../text/thoughts/ThoughtFilter.ts"

/** After so many pieces of a thought, one in a hundred shows that it goes on. */
const MANY = 1_000

/**
 * A piece that says: all before was a thought. What was not spoken of it is to be dropped.
 *
 * @category constants
 * @since 0.1.0
 */
export const RETRACTED = "\u0000"

/**
 * Removes thoughts and tool calls that are written as text. What is left of a piece may be empty: it shows that the agent is
 * at work. `RETRACTED` comes where a thought ended that had not begun.
 *
 * @category combinators
 * @since 0.1.0
 */
export const without = <E, R>(text: Stream.Stream<string, E, R>): Stream.Stream<string, E, R> =>
  withMark(text, RETRACTED)

/**
 * Does the same for an agent that passes another's text on: the closing tag of a thought that had not begun stays in it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const passOn = <E, R>(text: Stream.Stream<string, E, R>): Stream.Stream<string, E, R> =>
  withMark(text, "</think>")

const withMark = <E, R>(text: Stream.Stream<string, E, R>, mark: string): Stream.Stream<string, E, R> =>
  Stream.mapAccum(
    text,
    () => {
      const state = {
        filter: ThoughtFilter.make({ onRetract: () => (state.retracted = true) }),
        retracted: false,
        empty: 0
      }
      return state
    },
    (state, piece) => {
      const said = state.filter.push(piece.replaceAll(RETRACTED, ""))
      state.empty = said === "" ? state.empty + 1 : 0
      const { retracted } = state
      state.retracted = false
      if (retracted) return [state, [mark, said]]
      return [state, state.empty > MANY && state.empty % 100 > 0 ? [] : [said]]
    },
    { onHalt: ({ filter }) => [filter.flush()].filter((rest) => rest !== "") }
  )
