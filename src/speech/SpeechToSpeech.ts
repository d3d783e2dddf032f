/**
 * A model or platform that hears and speaks by itself: OpenAI Realtime, Gemini Live, a running bot.
 *
 * The same session, policy, events, history and drain work over it; what a config asks for and an engine lacks fails
 * `invalid_config`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { BackendError } from "../BackendError.ts"
import type { TurnAuthority } from "../conversation/TurnAuthority.ts"
import type { EngineHealth } from "./EngineHealth.ts"
import type { VoiceActivity } from "./VoiceActivityDetector.ts"

/**
 * What happens on the model's side. `reply` is the engine's own name of a reply, new for each.
 *
 * @category models
 * @since 0.1.0
 */
export type SpeechToSpeechEvent =
  | { readonly _tag: "UserSpeechStarted" }
  | { readonly _tag: "UserSpeechStopped" }
  | { readonly _tag: "UserTranscript"; readonly text: string; readonly final: boolean }
  | { readonly _tag: "ReplyStarted"; readonly reply: string }
  /** Mono PCM at the engine's `outputSampleRate`; it belongs to the receiver. `text` as in `SpeechChunk`. */
  | { readonly _tag: "ReplyAudio"; readonly reply: string; readonly pcm: Int16Array; readonly text: string }
  | { readonly _tag: "ReplyEnded"; readonly reply: string }
  | { readonly _tag: "ReplyFailed"; readonly reply: string; readonly error: BackendError }

/**
 * One session's link to the model. The methods are synchronous and never fail: what goes wrong arrives as the failure of
 * `events`. Each `commit`, `userText` and `say` is answered by one `ReplyStarted`, in their order; one that is not wanted
 * any more is truncated when it begins.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechToSpeechStream {
  /** Takes the next PCM (mono, at `inputSampleRate`, any length). The samples are only valid during the call. */
  readonly push: (pcm: Int16Array) => void
  /** What the backend's own voice activity detector found; ignored by an engine that decides turns itself. */
  readonly activity: (activity: VoiceActivity) => void
  /** The user's turn is over: answer. Only with `turnAuthority: "own"`. */
  readonly commit: () => void
  /** The user was typing: this is the turn. */
  readonly userText: (text: string) => void
  /** Speak this text as it stands. */
  readonly say: (text: string) => void
  /** Stop a reply; `playedMs` of its audio was heard, the rest must leave the model's memory if it can. */
  readonly truncate: (reply: string, playedMs: number) => void
  readonly events: Stream.Stream<SpeechToSpeechEvent, BackendError>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SpeechToSpeechOptions {
  readonly sessionId: string
  readonly instructions?: string | undefined
  /** The conversation so far, for a session that is resumed. */
  readonly history: ReadonlyArray<{ readonly role: "user" | "agent"; readonly text: string }>
}

/**
 * The speech-to-speech engine of a backend.
 *
 * @category services
 * @since 0.1.0
 */
export class SpeechToSpeech extends Context.Service<
  SpeechToSpeech,
  EngineHealth & {
    readonly name: string
    readonly inputSampleRate: number
    readonly outputSampleRate: number
    readonly capabilities: {
      /** Who may decide that the user has finished: the backend (`own`) or the model (`remote`). */
      readonly turnAuthority: TurnAuthority
      /** It can hand the transcript to an agent and speak the agent's answer instead of its own. */
      readonly agentInLoop: boolean
      readonly transcripts: boolean
      /** `truncate` really shortens what the model remembers having said. */
      readonly truncation: boolean
      /** It can speak a given text. */
      readonly say: boolean
    }
    readonly open: (options: SpeechToSpeechOptions) => Effect.Effect<SpeechToSpeechStream, BackendError, Scope.Scope>
  }
>()("effect-voice/speech/SpeechToSpeech") {}
