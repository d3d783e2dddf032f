/**
 * Turns the agent's text into speech.
 *
 * An engine is a Layer built once for a backend; each session opens a voice of its own. Speech comes with the text that
 * it says, so that the history holds exactly what was played.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { BackendError, InvalidConfig } from "../BackendError.ts"
import type { OnIncident } from "../EngineIncident.ts"
import type { EngineHealth } from "./EngineHealth.ts"
import type { SessionSpeech } from "./SessionSpeech.ts"
import type { TextSettings } from "./TextSettings.ts"

/**
 * When a word is spoken, in milliseconds from the first sample of its text.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpokenWord {
  readonly text: string
  readonly startMs: number
  readonly endMs: number
}

/**
 * A piece of speech. One text is spoken by one or more chunks: the first carries it, the others have `text: ""`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechChunk {
  /** Mono PCM at the engine's `sampleRate`; it belongs to the receiver. */
  readonly pcm: Int16Array
  /** The text whose speech begins here, as it was given; `""` in the chunks that continue it. */
  readonly text: string
  /** When the engine knows: the words spoken from here on, timed from the first sample of the text. */
  readonly words?: ReadonlyArray<SpokenWord> | undefined
  /**
   * With the text, where it is said in other words than it is written: how many characters are said for each of its words.
   * `ResilientTextToSpeech` gives it.
   */
  readonly lengths?: ReadonlyArray<number> | undefined
  /**
   * The speech of the text ends with this chunk: `whole`, or `cut` when it breaks off and is not finished.
   * `ResilientTextToSpeech` gives it.
   */
  readonly end?: "whole" | "cut" | undefined
}

/**
 * One session's voice.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextToSpeechStream {
  /**
   * Speaks sentences as they come, one attempt each. Pulling drives it, so a slow player slows it; interrupting it aborts
   * its requests. A failure in the middle of a sentence comes after the audio that was made.
   */
  readonly speak: <E, R>(
    sentences: Stream.Stream<string, E, R>
  ) => Stream.Stream<SpeechChunk, BackendError | E, R>
}

/**
 * - `voice`: the engine's name of a voice. Default: the engine's own.
 * - `language`: BCP 47. Default: the voice's.
 * - `onIncident`: called when the engine behind this voice fails, is retried, replaced, or works again.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextToSpeechOptions {
  readonly sessionId: string
  readonly voice?: string | undefined
  readonly language?: string | undefined
  readonly onIncident?: OnIncident | undefined
  /** How text is prepared; read before each sentence by `ResilientTextToSpeech`. An engine does not read it. */
  readonly textSettings?: (() => TextSettings) | undefined
  /**
   * The session's language, which may change; read as `textSettings`. Where the engine takes it, `ResilientTextToSpeech` opens
   * another voice with it as `language`, from the next sentence on.
   */
  readonly currentLanguage?: (() => string | undefined) | undefined
}

/**
 * The text-to-speech engine of a backend.
 *
 * @category services
 * @since 0.1.0
 */
export class TextToSpeech extends Context.Service<
  TextToSpeech,
  EngineHealth & {
    readonly name: string
    /** The PCM it gives, in Hz. */
    readonly sampleRate: number
    /**
     * The longest that it may take for the first audio of a sentence, and pause within it; an engine that takes longer
     * counts as dead. Default: its share of the backend's `timeout` where there are others, else without limit.
     */
    readonly stallTimeout?: Duration.Duration | undefined
    /**
     * The longest that it may take for the first chunk of a sentence, for an engine that connects for it; the chunk may be
     * empty, and `stallTimeout` holds from then on. Default: `stallTimeout`.
     */
    readonly startTimeout?: Duration.Duration | undefined
    /**
     * What is wrong with a language and a voice that `capabilities` allow each by itself: a voice may speak one language.
     * Default: nothing.
     */
    readonly refuse?: ((speech: SessionSpeech) => InvalidConfig | undefined) | undefined
    readonly capabilities: {
      /** The names of voices that a session may ask for; empty: any name; left out: none. */
      readonly voices?: ReadonlyArray<string> | undefined
      /** The BCP 47 tags that a session may ask for; empty: any; left out: none. `en` covers `en-GB`. */
      readonly languages?: ReadonlyArray<string> | undefined
      /** The language that it speaks where a session asks for none, BCP 47; left out: unknown, or the text's. */
      readonly language?: string | undefined
      /** Whether it reads numbers, amounts and dates itself; `false`: it gets them as words. Default: true. */
      readonly normalisesText?: boolean | undefined
      /**
       * The tags that it understands: names of elements (`break`), cues in brackets (`[laughter]`), `*` for any element,
       * `[*]` for any cue. Text keeps them, and loses all others. Default: none.
       */
      readonly tags?: ReadonlyArray<string> | undefined
    }
    /** Opens a session's voice, which ends with the scope. */
    readonly open: (options: TextToSpeechOptions) => Effect.Effect<TextToSpeechStream, BackendError, Scope.Scope>
  }
>()("effect-voice/speech/TextToSpeech") {}
