/**
 * The messages between an engine and the process that its model runs in.
 *
 * @since 0.1.0
 */
import type { SttRequest } from "../model/SttModels.ts"
import type { TtsRequest } from "../model/TtsModels.ts"

/**
 * What the process loads; its first message. Sizes are in samples, times in seconds.
 *
 * @category models
 * @since 0.1.0
 */
export type Load =
  | {
    readonly task: "stt"
    readonly request: SttRequest
    readonly threads: number
    /** Of a model that hears continuously: the silence after which words are final. */
    readonly endpointSilence: number
    readonly packageName: string
  }
  | { readonly task: "tts"; readonly request: TtsRequest; readonly threads: number; readonly packageName: string }

/**
 * - `decode`: an utterance, for a model that takes them whole.
 * - `open`, `audio`, `finalize`, `close`: a stream, for a model that hears continuously.
 * - `speak`, `cancel`: a text, for a voice.
 *
 * @category models
 * @since 0.1.0
 */
export type Request =
  | { readonly type: "decode"; readonly id: number; readonly samples: Float32Array }
  | { readonly type: "open"; readonly id: number }
  | { readonly type: "audio"; readonly id: number; readonly pcm: Int16Array }
  | { readonly type: "finalize"; readonly id: number; readonly mark: number }
  | { readonly type: "close"; readonly id: number }
  | {
    readonly type: "speak"
    readonly id: number
    readonly text: string
    readonly speaker: number
    readonly speed: number
  }
  | { readonly type: "cancel"; readonly id: number }

/**
 * What was loaded.
 *
 * @category models
 * @since 0.1.0
 */
export interface Loaded {
  readonly kind: string
  readonly streaming: boolean
  /** Of a voice: its rate in Hz, and how many speakers it has. */
  readonly sampleRate: number
  readonly speakers: number
}

/**
 * The answer to `Load`. `missing`: the package could not be loaded; `refused`: the model is not whole, or of another kind.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  | { readonly type: "ready"; readonly loaded: Loaded }
  | { readonly type: "refused"; readonly message: string }
  | { readonly type: "missing"; readonly message: string }

/**
 * The answers to requests, by their `id`.
 *
 * - `text`: an utterance was decoded.
 * - `heard`: so many samples of a stream were taken. `interim`, `final`, `endOfTurn`, `finalized`: as `TranscriptEvent`.
 * - `sound`, `spoken`: a part of the speech, and its end.
 *
 * @category models
 * @since 0.1.0
 */
export type Reply =
  | { readonly type: "text"; readonly id: number; readonly text: string }
  | { readonly type: "heard"; readonly id: number; readonly samples: number }
  | { readonly type: "interim"; readonly id: number; readonly text: string }
  | { readonly type: "final"; readonly id: number; readonly text: string }
  | { readonly type: "endOfTurn"; readonly id: number }
  | { readonly type: "finalized"; readonly id: number; readonly mark: number }
  | { readonly type: "sound"; readonly id: number; readonly pcm: Int16Array }
  | { readonly type: "spoken"; readonly id: number }
  | { readonly type: "failed"; readonly id: number; readonly message: string }
