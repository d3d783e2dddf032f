/**
 * The engines of a speech → text → agent → speech backend as its sessions use them: dependable, and fit to decide turns
 * when they shall.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { InvalidConfig } from "../BackendError.ts"
import type { EngineIncident, OnIncident } from "../EngineIncident.ts"
import type { ResilienceOptions } from "../speech/Resilience.ts"
import * as ResilientSpeechToText from "../speech/ResilientSpeechToText.ts"
import * as ResilientTextToSpeech from "../speech/ResilientTextToSpeech.ts"
import type { SpeechToText } from "../speech/SpeechToText.ts"
import type { TextToSpeech } from "../speech/TextToSpeech.ts"
import type { BackendConfig } from "./BackendConfig.ts"

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

/** Who is told of incidents; engines are made before there is anybody. */
const incidents = () => {
  let told: OnIncident | undefined
  return {
    onIncident: (incident: EngineIncident) => told?.(incident),
    listen: (onIncident: OnIncident) => {
      told = onIncident
    }
  }
}

/**
 * Makes one dependable engine of each kind, even of one that is alone: a recogniser's stream dies, and the words in flight
 * must not; a voice fails, and the sentence is asked for again. Fails `invalid_config` when turns are left to a recogniser
 * that does not tell their end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  engines: SpeechEngines,
  config: Pick<BackendConfig, "maxRetries" | "retryDelay" | "timeout">
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
  const { listen, onIncident } = incidents()
  const options: ResilienceOptions = {
    maxRetries: config.maxRetries,
    retryDelay: config.retryDelay,
    // within what the pipeline gives it, so that its own error is the one that is told
    timeout: Duration.times(config.timeout, 0.9),
    onIncident
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
    listen
  }
})
