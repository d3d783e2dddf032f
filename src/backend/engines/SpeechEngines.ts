/**
 * The speech-to-text and text-to-speech engines of a backend as its sessions use them: with retries and fallbacks, and able to
 * decide turns where the config asks for it.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { InvalidConfig } from "../../BackendError.ts"
import type { ResilienceOptions } from "../../speech/resilience/Resilience.ts"
import * as ResilientSpeechToText from "../../speech/resilience/ResilientSpeechToText.ts"
import * as ResilientTextToSpeech from "../../speech/resilience/ResilientTextToSpeech.ts"
import type { SpeechToText } from "../../speech/SpeechToText.ts"
import type { TextToSpeech } from "../../speech/TextToSpeech.ts"
import type { BackendConfig } from "../config/BackendConfig.ts"

/**
 * The `turn_detection_provider` that makes the speech-to-text engine the turn authority: no detector may have this name.
 *
 * @category constants
 * @since 0.1.0
 */
export const STT_TURNS = "stt"

/**
 * The `turn_detection_provider` with which silence alone ends a turn: no detector may have this name.
 *
 * @category constants
 * @since 0.1.0
 */
export const SILENCE_TURNS = "silence"

/**
 * Each engine, followed by its fallbacks in order.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechEngines {
  readonly stt: Arr.NonEmptyReadonlyArray<SpeechToText["Service"]>
  readonly tts: Arr.NonEmptyReadonlyArray<TextToSpeech["Service"]>
  /** Whether the speech-to-text engine is the turn authority. */
  readonly sttTurns: boolean
}

type RetrySettings = Pick<BackendConfig, "maxRetries" | "retryDelay" | "timeout">

/** The retries and the timeout follow the backend's config (`useConfig`), which can be updated while it runs. */
const resilienceOf = (settings: RetrySettings) => {
  let config = (): RetrySettings => settings
  const options: ResilienceOptions = {
    get maxRetries() {
      return config().maxRetries
    },
    get retryDelay() {
      return config().retryDelay
    },
    // shorter than the pipeline's own deadline, so that the engine's error is the one that is reported
    get timeout() {
      return Duration.times(config().timeout, 0.9)
    }
  }
  return {
    options,
    useConfig: (current: () => RetrySettings) => {
      config = current
    }
  }
}

const resilientTts = (engines: SpeechEngines["tts"], options: ResilienceOptions) =>
  engines.length === 1 && ResilientTextToSpeech.isResilient(engines[0])
    ? Effect.succeed(engines[0])
    : ResilientTextToSpeech.make(engines, options)

/**
 * What is wrong with `turn_detection_provider: stt` and an engine without endpointing.
 *
 * @category formatting
 * @since 0.1.0
 */
export const withoutEndpointing = (name: string): string =>
  `${name} has no endpointing; it cannot be the turn authority`

/**
 * Makes one resilient engine of each kind. An engine without a fallback is wrapped too: its streams can fail, and speech in
 * progress must not be lost. So is a streaming text-to-speech engine: the pipeline gives it whole sentences. Fails
 * `invalid_config` when the turn authority is a speech-to-text engine without endpointing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  engines: SpeechEngines,
  settings: RetrySettings
) {
  const unable = engines.sttTurns ? engines.stt.find(({ capabilities }) => !capabilities.endOfTurn) : undefined
  if (unable !== undefined) {
    const message = withoutEndpointing(unable.name)
    return yield* new InvalidConfig({
      op: "VoiceBackend.make",
      message,
      details: {
        engine: unable.name,
        missing: "end_of_turn",
        faults: [{ path: "turn_detection_provider", message }]
      }
    })
  }
  const { options, useConfig } = resilienceOf(settings)
  const [stt] = engines.stt
  return {
    stt: engines.stt.length === 1 && ResilientSpeechToText.isResilient(stt)
      ? stt
      : yield* ResilientSpeechToText.make(engines.stt, options),
    tts: yield* resilientTts(engines.tts, options),
    useConfig
  }
})

/**
 * Makes one resilient text-to-speech engine, for a backend whose speech-to-speech model has a voice beside it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeVoice = Effect.fnUntraced(function*(engines: SpeechEngines["tts"], settings: RetrySettings) {
  const { options, useConfig } = resilienceOf(settings)
  return { tts: yield* resilientTts(engines, options), useConfig }
})
