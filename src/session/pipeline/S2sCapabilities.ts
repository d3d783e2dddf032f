/**
 * What the options of a speech-to-speech pipeline need of its model. Pure.
 *
 * @since 0.1.0
 */
import * as Tool from "effect/ai/Tool"
import type { ToolRunner } from "../../agent/ToolRunner.ts"
import type { SpeechToSpeech } from "../../speech/SpeechToSpeech.ts"
import type { S2sOptions } from "./S2sOptions.ts"

/**
 * The tool by which a model asks the session's agent.
 *
 * @category constants
 * @since 0.1.0
 */
export const ASK_AGENT = "ask_agent"

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
  options: Pick<S2sOptions, "agentInLoop"> & { readonly tools?: Pick<ToolRunner, "tools"> | undefined },
  parts: S2sParts
): { readonly missing: string; readonly path: string; readonly message: string } | undefined => {
  const { capabilities: { agentInLoop: leavesAnswers, answers, say, tools: callsTools, turnAuthority }, name } = parts
  const tools = options.tools?.tools ?? []
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
  const vendors = tools.find((tool) => Tool.isProviderDefined(tool))
  if (vendors !== undefined) {
    const message = `the tool ${vendors.name} is one of a language model's provider: ${name} cannot call it`
    return fault("tools", "toolkit", message)
  }
  if (agentInLoop === "tool" && tools.some(({ name: own }) => own === ASK_AGENT)) {
    return fault("tools", "toolkit", `agent_in_loop: tool adds the tool ${ASK_AGENT}: call yours something else`)
  }
  return undefined
}

const fault = (missing: string, path: string, message: string) => ({ missing, path, message })
