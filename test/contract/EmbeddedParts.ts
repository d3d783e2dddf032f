/** The embedded engines with their weights, for the suites of their kinds. */
import { Effect, Layer } from "effect"
import * as Pcm from "../../src/audio/Pcm.ts"
import { InvalidConfig } from "../../src/BackendError.ts"
import * as Flite from "../../src/engines/flite/index.ts"
import * as Hibari from "../../src/engines/hibari/index.ts"
import * as Moonshine from "../../src/engines/moonshine/index.ts"
import * as Rnnoise from "../../src/engines/rnnoise/index.ts"
import * as Silero from "../../src/engines/silero/index.ts"
import * as SmartTurn from "../../src/engines/smart-turn/index.ts"
import { SpeechToText } from "../../src/speech/SpeechToText.ts"
import * as Conformance from "../../src/testing/conformance/Conformance.ts"
import { load, type Recording, references, room } from "../engines/Recordings.ts"
import * as SlowClock from "../support/SlowClock.ts"

const spoken = (name: Recording) => ({ pcm: load(name), text: references[name] })
const missing = new InvalidConfig({ op: "test", message: "the model is missing", details: { missing: "model" } })

/** A busy machine may take long over what an engine computes. */
const provideTime = Effect.provide(SlowClock.layer(5))

export const flite = () => Conformance.tts({ name: "flite", layer: Flite.definition.layer({}) })

export const hibari = () => Conformance.tts({ name: "hibari", layer: Hibari.definition.layer({}), provideTime })

export const moonshine = () =>
  Conformance.stt({
    name: "moonshine",
    layer: Moonshine.definition.layer({}),
    failing: Layer.effect(SpeechToText, Effect.fail(missing)),
    speech: [spoken("cold-hearted"), spoken("ill-disposed")],
    wordErrors: 0.2,
    hour: false,
    provideTime
  })

export const silero = () =>
  Conformance.vad({
    name: "silero",
    layer: Silero.definition.layer({}),
    speech: { pcm: load("ill-disposed") },
    provideTime
  })

/** The recording "ill-disposed" ends in the middle of a sentence, as the reader goes on. */
export const smartTurn = () =>
  Conformance.turnDetector({
    name: "smart-turn",
    layer: SmartTurn.definition.layer({}),
    heard: {
      finished: { pcm: Pcm.concat([load("cold-hearted"), room(0.2)]) },
      unfinished: { pcm: Pcm.concat([load("ill-disposed"), room(0.2)]) }
    },
    provideTime
  })

export const rnnoise = () =>
  Conformance.noiseSuppressor({ name: "rnnoise", layer: Rnnoise.layer(), speech: { pcm: load("eight-of-spades") } })
