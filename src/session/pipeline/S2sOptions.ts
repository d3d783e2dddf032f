/**
 * The engines and options of a speech-to-speech pipeline.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { Tool } from "../../agent/Tool.ts"
import type { SpeechToSpeech } from "../../speech/SpeechToSpeech.ts"
import type { TurnDetector } from "../../speech/TurnDetector.ts"
import type { VoiceActivityDetector } from "../../speech/VoiceActivityDetector.ts"
import type { TextTransform } from "../../text/TextTransform.ts"

/**
 * The engines of the pipeline. `vad` is required when the backend decides turns. The turn detector reads words, so it is
 * used where an agent answers.
 *
 * @category models
 * @since 0.1.0
 */
export interface S2sEngines {
  readonly s2s: SpeechToSpeech["Service"]
  readonly vad: VoiceActivityDetector["Service"] | undefined
  readonly turn?: TurnDetector["Service"] | undefined
}

/**
 * The agent's part: `off`: none; `answer`: it answers in place of the model; `tool`: the model calls it as a tool.
 *
 * @category models
 * @since 0.1.0
 */
export const AgentInLoop = Schema.Literals(["off", "answer", "tool"])

/**
 * @category models
 * @since 0.1.0
 */
export type AgentInLoop = typeof AgentInLoop.Type

/**
 * @category models
 * @since 0.1.0
 */
export interface S2sOptions {
  /** Default: `off`; `answer` with a model that has no answers of its own. */
  readonly agentInLoop?: AgentInLoop | undefined
  /** The tools that the model may call. */
  readonly tools?: ReadonlyArray<Tool> | undefined
  /** Applied to the agent's text before it is spoken, with `answer`. */
  readonly textTransforms?: ReadonlyArray<TextTransform> | undefined
}
