/**
 * The milestones of a reply before it is audible: the agent's first words, the first sentence, the first speech.
 *
 * @since 0.1.0
 */
import type { ConversationInput } from "../../conversation/ConversationInput.ts"
import type { PipelineContext } from "./Pipeline.ts"

type Stage = Extract<ConversationInput, { readonly _tag: "ReplyProgress" }>["stage"]

/**
 * Reports to the conversation when a reply first reaches a stage; to be called for each piece of text and audio.
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
