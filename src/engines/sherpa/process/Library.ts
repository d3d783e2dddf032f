/**
 * Types for the part of `sherpa-onnx-node` that the process of a model uses.
 *
 * @since 0.1.0
 */

/**
 * The audio of one decode, or of one utterance of a stream.
 *
 * @category models
 * @since 0.1.0
 */
export interface AudioStream {
  readonly acceptWaveform: (wave: { readonly sampleRate: number; readonly samples: Float32Array }) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface OnlineStream extends AudioStream {
  readonly inputFinished: () => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface OfflineRecognizer {
  readonly createStream: () => AudioStream
  readonly decodeAsync: (stream: AudioStream) => Promise<{ readonly text: string }>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface OnlineRecognizer {
  readonly createStream: () => OnlineStream
  readonly isReady: (stream: OnlineStream) => boolean
  /** Of streams that are ready, in one batch. Blocks. */
  readonly decodeStreams: (streams: ReadonlyArray<OnlineStream>) => void
  readonly isEndpoint: (stream: OnlineStream) => boolean
  readonly reset: (stream: OnlineStream) => void
  readonly getResult: (stream: OnlineStream) => { readonly text: string }
}

/**
 * @category models
 * @since 0.1.0
 */
export interface OfflineTts {
  readonly sampleRate: number
  readonly numSpeakers: number
  /** `onProgress` gets the audio of each sentence; it ends the work by returning 0. */
  readonly generateAsync: (request: {
    readonly text: string
    readonly sid: number
    readonly speed: number
    readonly enableExternalBuffer: boolean
    readonly onProgress: (part: { readonly samples: Float32Array; readonly progress: number }) => number
  }) => Promise<{ readonly samples: Float32Array; readonly sampleRate: number }>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Sherpa {
  readonly OfflineRecognizer: { readonly createAsync: (config: object) => Promise<OfflineRecognizer> }
  readonly OnlineRecognizer: new(config: object) => OnlineRecognizer
  readonly OfflineTts: { readonly createAsync: (config: object) => Promise<OfflineTts> }
}
