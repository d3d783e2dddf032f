/**
 * How far a reply has come on its way to being heard.
 *
 * @since 0.1.0
 */
import type { ConversationInput } from "../../conversation/ConversationInput.ts"
import type { PipelineContext } from "./Pipeline.ts"

type Stage = Extract<ConversationInput, { readonly _tag: "ReplyProgress" }>["stage"]

/**
 * Tells the conversation when a reply has reached a stage for the first time: each piece of text and sound asks.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (dispatch: PipelineContext["dispatch"], epoch: number): (stage: Stage) => void => {
  const reached = new Set<Stage>()
  return (stage) => {
    if (reached.has(stage)) return
    reached.add(stage)
    dispatch({ _tag: "ReplyProgress", epoch, stage })
  }
}
