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
import type { OnIncident } from "../EngineIncident.ts"
import type { EngineHealth } from "./EngineHealth.ts"
import type { TextSettings } from "./TextSettings.ts"
import type { VoiceActivity } from "./VoiceActivityDetector.ts"

/**
 * A function that the model may call. `parameters` is the JSON Schema (draft 2020-12) of its input, an object.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechToSpeechTool {
  readonly name: string
  readonly description: string
  readonly parameters: { readonly [keyword: string]: unknown }
}

/**
 * What the user's client tells the model, where its protocol has it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechToSpeechClient {
  readonly instructions: string | undefined
  readonly tools: ReadonlyArray<SpeechToSpeechTool>
}

/**
 * What happens on the model's side. `reply` is the engine's own name of a reply, new for each; `request` is the id of a
 * request of the session.
 *
 * - `UserTranscript`: with `final` the words will not change, and add up; others replace each other.
 * - `UserTurnTranscribed`: with `answers: false` only: the transcript of a turn is complete. It answers a `commit`, named
 *   by `request`, or the oldest without one; where the model decides turns, it is their end.
 * - `UserTurnUnanswered`: where the model decides turns only: the model ended its own turn without a reply to the user.
 * - `ReplyStarted`: a reply begins. `request` is what it answers. Without one the model began it by itself, or the engine
 *   cannot tell: then it answers the oldest request that waits, if there is one.
 * - `RequestFailed`: no reply will begin for this request.
 * - `ReplyText`: the model wrote this piece of the reply instead of speaking it. Only with `speaksText`.
 * - `ToolCall`: within a reply, which goes on when `toolResult` has been given.
 * - `ReplyEnded`, `ReplyFailed`: one of them ends each reply, unless the session truncates it before: of a reply that was
 *   truncated nothing is read any more, and neither need follow. A reply without audio, text or tool call fails, also when an
 *   engine says that it ended.
 *
 * @category models
 * @since 0.1.0
 */
export type SpeechToSpeechEvent =
  | { readonly _tag: "UserSpeechStarted" }
  | { readonly _tag: "UserSpeechStopped" }
  | { readonly _tag: "UserTranscript"; readonly text: string; readonly final: boolean }
  | { readonly _tag: "UserTurnTranscribed"; readonly request?: string | undefined }
  | { readonly _tag: "UserTurnUnanswered" }
  | { readonly _tag: "RequestFailed"; readonly request: string; readonly error: BackendError }
  | { readonly _tag: "ReplyStarted"; readonly reply: string; readonly request?: string | undefined }
  /** Mono PCM at the engine's `outputSampleRate`; it belongs to the receiver. `text` as in `SpeechChunk`. */
  | { readonly _tag: "ReplyAudio"; readonly reply: string; readonly pcm: Int16Array; readonly text: string }
  | { readonly _tag: "ReplyText"; readonly reply: string; readonly text: string }
  | {
    readonly _tag: "ToolCall"
    readonly reply: string
    readonly id: string
    readonly name: string
    readonly input: unknown
  }
  | { readonly _tag: "ReplyEnded"; readonly reply: string }
  | { readonly _tag: "ReplyFailed"; readonly reply: string; readonly error: BackendError }

/**
 * One session's connection to the model. The methods are synchronous and never fail: failures arrive through `events`.
 *
 * Each `commit`, `userText` and `say` is a request with an id of the session's own, new for each. It is answered within the
 * engine's deadline by one `ReplyStarted` or `RequestFailed`, or the engine renews its connection and asks again. With
 * `answers: false` a `commit` is answered by a transcript alone.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechToSpeechStream {
  /** Takes the next PCM (mono, at `inputSampleRate`, any length). The samples are only valid during the call. */
  readonly push: (pcm: Int16Array) => void
  /** Voice activity of the backend's own detector; ignored by an engine that decides turns itself. */
  readonly activity: (activity: VoiceActivity) => void
  /**
   * Ends the user's turn at this sample of the timeline (16 kHz), counted from the first that was pushed: the model
   * answers, or with `answers: false` transcribes it. Only with `turnAuthority: "own"`.
   */
  readonly commit: (untilSample: number, request: string) => void
  /** Takes a typed turn of the user. */
  readonly userText: (text: string, request: string) => void
  /** Speaks this text verbatim. */
  readonly say: (text: string, request: string) => void
  /**
   * A request is not wanted any more. The engine may drop it; a reply that begins for it is truncated by the session.
   */
  readonly cancel?: ((request: string) => void) | undefined
  /**
   * Stops a reply, or cuts one that has ended while its audio is still played. `playedMs` of its audio was played; an engine that
   * can removes the rest from the model's context.
   */
  readonly truncate: (reply: string, playedMs: number) => void
  /** The result of a tool call, text or JSON, with which the model goes on. */
  readonly toolResult: (id: string, output: string) => void
  /**
   * Hears and speaks this language (BCP 47) from the next turn on, also on the connections to come. Left out by an engine that
   * cannot change it; called with a language of the engine's `capabilities`.
   */
  readonly setLanguage?: ((language: string) => void) | undefined
  /**
   * Takes what the user's client tells the model, instead of what it told before: instructions after the engine's own, and tools beside
   * those of the session; from the next turn on, also on the connections to come. Left out by an engine that cannot change it.
   */
  readonly setClient?: ((client: SpeechToSpeechClient) => void) | undefined
  readonly events: Stream.Stream<SpeechToSpeechEvent, BackendError>
}

/**
 * - `answers`: the model answers the user by itself. `false` only where `capabilities.agentInLoop`: then it transcribes
 *   the user, and speaks only what it is given by `say`.
 * - `tools`: what it may call; only where `capabilities.tools`.
 * - `speaksText`: the session has a voice for what the model writes: such pieces arrive as `ReplyText`. Without it the
 *   engine asks again for audio. Default: false.
 * - `language`, `voice`, `keyterms`: the session's own, where the capabilities allow it. Default: the engine's.
 * - `onIncident`: called when the connection to the model is lost and when it is there again.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechToSpeechOptions {
  readonly sessionId: string
  readonly answers: boolean
  readonly tools: ReadonlyArray<SpeechToSpeechTool>
  readonly speaksText?: boolean | undefined
  readonly language?: string | undefined
  readonly voice?: string | undefined
  readonly keyterms?: ReadonlyArray<string> | undefined
  readonly onIncident?: OnIncident | undefined
  /** How text is prepared, for an engine that speaks through a `TextToSpeech`. */
  readonly textSettings?: (() => TextSettings) | undefined
  /** The session's language, which may change; read as `textSettings`. */
  readonly currentLanguage?: (() => string | undefined) | undefined
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
      /** It can hand the transcript to an agent and speak the agent's answer instead of its own (`answers: false`). */
      readonly agentInLoop: boolean
      /** It answers by itself; one that does not needs an agent in the loop. */
      readonly answers: boolean
      /** It calls tools. */
      readonly tools: boolean
      /** It sends transcripts of the user while the user speaks. */
      readonly interims: boolean
      /** It can speak a given text. */
      readonly say: boolean
      /** The BCP 47 tags that a session may ask for; empty: any; left out: none. `en` covers `en-GB`. */
      readonly languages?: ReadonlyArray<string> | undefined
      /** The language that it speaks where a session asks for none, and the tags that it understands in a given text. */
      readonly language?: string | undefined
      readonly tags?: ReadonlyArray<string> | undefined
      /** The names of voices that a session may ask for; empty: any name; left out: none. */
      readonly voices?: ReadonlyArray<string> | undefined
      /** It takes a session's key terms. Default: false. */
      readonly keyterms?: boolean | undefined
    }
    /** Opens a session's connection to the model, which ends with the scope. */
    readonly open: (options: SpeechToSpeechOptions) => Effect.Effect<SpeechToSpeechStream, BackendError, Scope.Scope>
  }
>()("effect-voice/speech/SpeechToSpeech") {}
