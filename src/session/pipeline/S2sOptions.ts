/**
 * The engines and options of a speech-to-speech pipeline.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { ToolRunner } from "../../agent/ToolRunner.ts"
import type { SpeechToSpeech } from "../../speech/SpeechToSpeech.ts"
import type { TextToSpeech } from "../../speech/TextToSpeech.ts"
import type { TurnDetector } from "../../speech/TurnDetector.ts"
import type { VoiceActivityDetector } from "../../speech/VoiceActivityDetector.ts"
import type { TextTransform } from "../../text/TextTransform.ts"

/**
 * The engines of the pipeline. `vad` is required when the backend decides turns. The turn detector reads words, so it is
 * used where an agent answers. `tts` speaks what the model wrote instead of speaking it, and given texts where the model
 * cannot.
 *
 * @category models
 * @since 0.1.0
 */
export interface S2sEngines {
  readonly s2s: SpeechToSpeech["Service"]
  readonly vad: VoiceActivityDetector["Service"] | undefined
  readonly tts?: TextToSpeech["Service"] | undefined
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
  readonly tools?: ToolRunner | undefined
  /** Applied to the text of the agent (with `answer`) or of the model before it is spoken. */
  readonly textTransforms?: ReadonlyArray<TextTransform> | undefined
}
