/**
 * The settings that the conversation's state machine reads at every step.
 *
 * @since 0.1.0
 */
import type { ConversationPolicy } from "./ConversationPolicy.ts"
import type { TurnAuthority } from "./TurnAuthority.ts"

/**
 * The policy, what the pipeline can do, and the limits in ms.
 *
 * - `transcriptBased`: a turn needs a transcript to be answered. A speech-to-speech model answers audio directly, without one.
 * - `interimTranscripts`: the recogniser sends interim transcripts while the user speaks.
 * - `busy`: the process is busy, so no preemptive replies are started.
 * - `turnDetector`: a turn detector answers `PredictEndOfTurn`.
 * - `hearsTurns`: it hears the audio, and so can judge a pause before the words are there.
 * - `isBackchannel`: whether a transcript only shows that the user listens.
 * - `mayBecomeBackchannel`: whether more words may make one of the transcript.
 * - `latencyTargetMs`: a longer wait from the end of the user's speech to the first frame emits `turn.latency_exceeded`.
 * - `held`: the call is on hold: nothing is said, and an absent user is not waited for. Default: false.
 * - `collecting`: what the user says is collected: a complete turn becomes a `Collected` command, and no question of the agent's, no
 *   event and no item of the history. Only where turns have transcripts. Default: false.
 * - `quiet`: the agent begins nothing of what waits to be said, and an absent user is not waited for. Default: false.
 * - `finalizeTimeoutMs`: how long the final transcript may take before the turn is completed with the text so far.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConversationOptions {
  readonly policy: ConversationPolicy
  readonly turnAuthority: TurnAuthority
  readonly transcriptBased: boolean
  readonly interimTranscripts: boolean
  readonly busy?: boolean | undefined
  readonly held?: boolean | undefined
  readonly collecting?: boolean | undefined
  readonly quiet?: boolean | undefined
  readonly turnDetector: boolean
  readonly hearsTurns?: boolean | undefined
  readonly isBackchannel: (transcript: string) => boolean
  readonly mayBecomeBackchannel: (transcript: string) => boolean
  readonly latencyTargetMs: number
  readonly finalizeTimeoutMs: number
}
