/**
 * What the user says while the agent has the word: an interruption, or nothing to answer.
 *
 * @since 0.1.0
 */
import { type Step, wordsOf } from "./Step.ts"
import { isEcho, isWithin, wordCount } from "./Words.ts"

/**
 * Whether words are what the agent says, or has said to its end since the user's turn began.
 *
 * @category predicates
 * @since 0.1.0
 */
export const echoes = (draft: Step, words: string): boolean => {
  const { agent, over } = draft.state
  return draft.options.policy.echoGuard &&
    (isEcho(words, over) || (agent._tag !== "Silent" && isEcho(words, agent.reply.said)))
}

/**
 * Whether the words so far could be the beginning of the agent's echo.
 *
 * @category predicates
 * @since 0.1.0
 */
export const mayBeEcho = (draft: Step): boolean => {
  const { agent, heard } = draft.state
  return draft.options.policy.echoGuard && agent._tag !== "Silent" && isWithin(wordsOf(heard), agent.reply.said)
}

/** Whether words said while the agent has the word ask for nothing: the user's "mhm", or the agent's own echo. */
const isAside = (draft: Step, words: string): boolean => {
  const { ignoreBackchannels } = draft.options.policy.interruption
  return (ignoreBackchannels && draft.options.isBackchannel(words)) || echoes(draft, words)
}

/**
 * Whether the user's words so far are meant for the agent: no backchannel, no echo, and enough of them.
 *
 * @category predicates
 * @since 0.1.0
 */
export const wordsInterrupt = (draft: Step): boolean => {
  const { agent, heard } = draft.state
  const { interruption } = draft.options.policy
  const words = wordsOf(heard)
  return wordCount(words) >= Math.max(1, interruption.minWords) && !isAside(draft, words) &&
    agent._tag !== "Silent"
}

/**
 * Whether words were said to nobody: over the agent, or by its loudspeaker.
 *
 * @category predicates
 * @since 0.1.0
 */
export const asksNothing = (draft: Step, words: string): boolean => {
  const { agent } = draft.state
  if (agent._tag !== "Active" && agent._tag !== "Held") return echoes(draft, words)
  return words === "" || (agent.reply.audibleAt === undefined ? isAside(draft, words) : !wordsInterrupt(draft))
}
