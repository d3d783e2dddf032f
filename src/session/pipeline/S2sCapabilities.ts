/**
 * What the options of a speech-to-speech pipeline need of its model. Pure.
 *
 * @since 0.1.0
 */
import type { SpeechToSpeech } from "../../speech/SpeechToSpeech.ts"
import type { S2sOptions } from "./S2sOptions.ts"

/**
 * A model, and what stands beside it.
 *
 * @category models
 * @since 0.1.0
 */
export interface S2sParts {
  readonly name: string
  readonly capabilities: Pick<
    SpeechToSpeech["Service"]["capabilities"],
    "answers" | "agentInLoop" | "say" | "tools" | "turnAuthority"
  >
  /** Whether there is a voice activity detector. */
  readonly vad: boolean
  /** Whether there is a text-to-speech engine. */
  readonly tts: boolean
}

/**
 * The role of the agent; without one, what the model leaves it.
 *
 * @category accessors
 * @since 0.1.0
 */
export const agentInLoopOf = (
  { agentInLoop }: Pick<S2sOptions, "agentInLoop">,
  { capabilities }: Pick<S2sParts, "capabilities">
) => agentInLoop ?? (capabilities.answers ? "off" : "answer")

/**
 * What a model lacks for some options: the capability that is missing, the field of a config to change, and a message;
 * `undefined` if it lacks nothing.
 *
 * @category checks
 * @since 0.1.0
 */
export const faultOf = (
  options: Pick<S2sOptions, "agentInLoop" | "tools">,
  parts: S2sParts
): { readonly missing: string; readonly path: string; readonly message: string } | undefined => {
  const { capabilities: { agentInLoop: leavesAnswers, answers, say, tools: callsTools, turnAuthority }, name } = parts
  const { tools = [] } = options
  const agentInLoop = agentInLoopOf(options, parts)
  if (turnAuthority !== "remote" && !parts.vad) {
    return fault("vad_provider", "vad_provider", `${name} does not decide turns: configure a voice activity detector`)
  }
  if (agentInLoop === "answer" && !leavesAnswers) {
    return fault("agent_in_loop", "agent_in_loop", `${name} does not support agent_in_loop: answer`)
  }
  if (agentInLoop === "answer" && !say && !parts.tts) {
    return fault("say", "tts_provider", `${name} cannot speak the agent's answers: configure a tts_provider`)
  }
  if (agentInLoop !== "answer" && !answers) {
    return fault("answers", "agent_in_loop", `${name} has no answers of its own: use agent_in_loop: answer`)
  }
  if ((agentInLoop === "tool" || tools.length > 0) && !callsTools) {
    return fault("tools", "agent_in_loop", `${name} does not support tools`)
  }
  if (agentInLoop === "answer" && tools.length > 0) {
    const message = "with agent_in_loop: answer the model calls no tools: give them to the agent"
    return fault("tools", "agent_in_loop", message)
  }
  return undefined
}

const fault = (missing: string, path: string, message: string) => ({ missing, path, message })
