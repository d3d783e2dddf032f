/**
 * Turns the user's speech into text.
 *
 * An engine is a Layer built once for a backend: it owns its models or its account, its concurrency and its fairness.
 * Each session opens a stream of its own; reconnection and rotation happen behind it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { BackendError } from "../BackendError.ts"
import type { OnIncident } from "../EngineIncident.ts"
import type { EngineHealth } from "./EngineHealth.ts"
import type { VoiceActivity } from "./VoiceActivityDetector.ts"

/**
 * A word with its place in the audio, in samples of the session's timeline.
 *
 * @category models
 * @since 0.1.0
 */
export interface TranscriptWord {
  readonly text: string
  readonly startSample: number
  readonly endSample: number
  /** 0 to 1, when the engine reports it. */
  readonly confidence?: number | undefined
}

/**
 * What an engine reports.
 *
 * - `Interim`: an interim transcript of the words since the last `Final`. Each replaces the former.
 * - `Final`: words that will not change. They add up.
 * - `Finalized`: all `Final`s of the audio before `finalize(id, …)` have been delivered, though there may have been none.
 * - `EndOfTurn`: the engine has detected the end of the user's turn (`turnAuthority: "stt"` only).
 *
 * @category models
 * @since 0.1.0
 */
export type TranscriptEvent =
  | { readonly _tag: "Interim"; readonly text: string }
  | {
    readonly _tag: "Final"
    readonly text: string
    readonly language?: string | undefined
    readonly confidence?: number | undefined
    readonly words?: ReadonlyArray<TranscriptWord> | undefined
  }
  | { readonly _tag: "Finalized"; readonly id: number }
  | { readonly _tag: "EndOfTurn"; readonly confidence?: number | undefined }

/**
 * One session's recogniser. Positions count samples of the timeline (16 kHz) from the first that was pushed to this
 * stream. The methods are synchronous and never fail: failures arrive through `events`, after which the stream is
 * dead and another must be opened.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechToTextStream {
  /** Takes the next PCM (mono, at the rate it was opened with, any length). The samples are only valid during the call. */
  readonly push: (pcm: Int16Array) => void
  /**
   * Voice activity, as a hint: an engine may begin to decode at a pause, so that the final transcript is ready when the
   * turn is over, and may skip silence.
   */
  readonly activity: (activity: VoiceActivity) => void
  /**
   * Asks for the final transcript of everything up to `untilSample`; answered by `Finalized` with the same id, within
   * the engine's `finalizeTimeout`.
   */
  readonly finalize: (id: number, untilSample: number) => void
  /**
   * The session has gone on without the answer to `finalize`, on the interim words: a stream that replaces this one need not
   * hear that audio again. An engine of one connection does not need it.
   */
  readonly abandon?: ((id: number) => void) | undefined
  /**
   * Recognises this language (BCP 47) in what is pushed from now on. Only an engine that changes it on a running stream has
   * it; `ResilientSpeechToText` calls it between two utterances, with a language of the engine's `capabilities`. Of another
   * engine it opens a second stream with the new `language`, and closes the first once that one hears.
   */
  readonly setLanguage?: ((language: string) => void) | undefined
  readonly events: Stream.Stream<TranscriptEvent, BackendError>
}

/**
 * - `language`: BCP 47, such as `en` or `en-GB`. Default: the engine's.
 * - `keyterms`: words to expect: names, products. Default: none but the engine's own.
 * - `sampleRate`: of the PCM that will be pushed, in Hz: the engine's `sampleRate`, or one of its `sampleRates`. Default: the
 *   former.
 * - `onIncident`: called when the engine behind this stream fails, is retried, replaced, or works again.
 * - `busy`: whether the process is overloaded; an engine that decodes in this process then leaves out interim
 *   transcripts. It may change at any time.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechToTextOptions {
  readonly sessionId: string
  readonly language?: string | undefined
  readonly keyterms?: ReadonlyArray<string> | undefined
  readonly sampleRate?: number | undefined
  readonly onIncident?: OnIncident | undefined
  /** Whether the process is overloaded: interim transcripts may be left out. */
  readonly busy?: (() => boolean) | undefined
}

/**
 * The speech-to-text engine of a backend.
 *
 * @category services
 * @since 0.1.0
 */
export class SpeechToText extends Context.Service<
  SpeechToText,
  EngineHealth & {
    readonly name: string
    /** The PCM it takes, in Hz. */
    readonly sampleRate: number
    /**
     * Other rates at which a stream can be opened, in Hz: a call on the telephone is then recognised as it comes, at 8,000.
     * Default: none.
     */
    readonly sampleRates?: ReadonlyArray<number> | undefined
    readonly capabilities: {
      /** It sends `Interim`. */
      readonly interim: boolean
      /** It sends `EndOfTurn`, so it can be the turn authority. */
      readonly endOfTurn: boolean
      /** The BCP 47 tags that a session may ask for; empty: any; left out: none. `en` covers `en-GB`. */
      readonly languages?: ReadonlyArray<string> | undefined
      /** The language that it recognises where a session asks for none, BCP 47; left out: unknown, or several. */
      readonly language?: string | undefined
      /** It takes a session's key terms. Default: false. */
      readonly keyterms?: boolean | undefined
    }
    /**
     * How long `finalize` may take, queueing included; an engine that takes longer counts as dead. Default 3 s: a session
     * goes on without the final words after 5 s.
     */
    readonly finalizeTimeout?: Duration.Duration | undefined
    /** Opens a session's stream, which ends with the scope. */
    readonly open: (options: SpeechToTextOptions) => Effect.Effect<SpeechToTextStream, BackendError, Scope.Scope>
  }
>()("effect-voice/speech/SpeechToText") {}
