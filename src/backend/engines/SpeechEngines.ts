/**
 * The engines of a speech → text → agent → speech backend as its sessions use them: dependable, and fit to decide turns
 * when they shall.
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
 * The turn detector of a config that leaves turns to the recogniser: no detector may have this name.
 *
 * @category constants
 * @since 0.1.0
 */
export const STT_TURNS = "stt"

/**
 * Each engine and its fallbacks, the most wanted first.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechEngines {
  readonly stt: Arr.NonEmptyReadonlyArray<SpeechToText["Service"]>
  readonly tts: Arr.NonEmptyReadonlyArray<TextToSpeech["Service"]>
  /** The recogniser decides turns. */
  readonly sttTurns: boolean
}

type RetrySettings = Pick<BackendConfig, "maxRetries" | "retryDelay" | "timeout">

/**
 * Makes one dependable engine of each kind, also of one that is alone: its streams die, and what was being said must not.
 * A voice that takes text before a sentence is complete is one of them: the pipeline has whole sentences for it. Fails `invalid_config` when turns are left to a recogniser that does not tell their end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  engines: SpeechEngines,
  settings: RetrySettings
) {
  const mute = engines.sttTurns ? engines.stt.find(({ capabilities }) => !capabilities.endOfTurn) : undefined
  if (mute !== undefined) {
    return yield* new InvalidConfig({
      op: "VoiceBackend.make",
      message: `${mute.name} does not tell when a turn is over: it cannot decide turns`,
      details: {
        engine: mute.name,
        missing: "end_of_turn",
        faults: [{ path: "turn_detection_provider", message: `${mute.name} does not tell when a turn is over` }]
      }
    })
  }
  let config = (): RetrySettings => settings
  const options: ResilienceOptions = {
    get maxRetries() {
      return config().maxRetries
    },
    get retryDelay() {
      return config().retryDelay
    },
    // within what the pipeline gives it, so that its own error is the one that is told
    get timeout() {
      return Duration.times(config().timeout, 0.9)
    }
  }
  const [stt] = engines.stt
  const [tts] = engines.tts
  return {
    stt: engines.stt.length === 1 && ResilientSpeechToText.isResilient(stt)
      ? stt
      : yield* ResilientSpeechToText.make(engines.stt, options),
    tts: engines.tts.length === 1 && ResilientTextToSpeech.isResilient(tts)
      ? tts
      : yield* ResilientTextToSpeech.make(engines.tts, options),
    /** The retries and the timeout follow the backend's config, which can be updated while it runs. */
    useConfig: (current: () => RetrySettings) => {
      config = current
    }
  }
})
