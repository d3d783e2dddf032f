/**
 * A session on dependable engines notices nothing of what happens to them.
 *
 * @since 0.1.0
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Stream } from "effect"
import * as Agent from "../../../src/agent/index.ts"
import * as BackendProvider from "../../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { ConnectionFailed } from "../../../src/BackendError.ts"
import { defaultPolicy } from "../../../src/conversation/ConversationPolicy.ts"
import * as ResilientSpeechToText from "../../../src/speech/resilience/ResilientSpeechToText.ts"
import * as ResilientTextToSpeech from "../../../src/speech/resilience/ResilientTextToSpeech.ts"
import { SpeechToText } from "../../../src/speech/SpeechToText.ts"
import { TextToSpeech } from "../../../src/speech/TextToSpeech.ts"
import * as Scripted from "../../../src/testing/scripted/ScriptedEngines.ts"
import * as Harness from "../../session/Harness.ts"
import * as Faulty from "../Faulty.ts"

const down = new ConnectionFailed({ op: "test", message: "down" })
const failing: Agent.Agent = { name: "failing", respond: () => Stream.fail(down) }
const answering = Agent.fromCallback((transcript) => Effect.succeed(`You said ${transcript}. That is all.`), {
  name: "answering"
})

describe("a session on dependable engines", () => {
  it.effect("hears, answers and speaks while an engine of each kind fails", () => {
    const recorder = Faulty.recorder()
    const options = { onIncident: recorder.onIncident, maxRetries: 0, timeout: "4 seconds" } as const
    const ears = [
      Faulty.stt("stt1", Faulty.inTurn("fail", "ok")),
      Faulty.stt("stt2", Faulty.inTurn("ok", "mute", "ok"))
    ] as const
    const stt = Layer.effect(
      SpeechToText,
      ResilientSpeechToText.make([ears[0].engine, ears[1].engine], { ...options, finalizeTimeout: "1 second" })
    )
    const tts = Layer.effect(
      TextToSpeech,
      Effect.gen(function*() {
        const first = yield* Effect.provide(
          TextToSpeech,
          Scripted.layerTts({ failAt: { 1: down, 2: down }, hangAt: [3] })
        )
        const second = yield* Effect.provide(TextToSpeech, Scripted.layerTts({ sampleRate: 16_000 }))
        return yield* ResilientTextToSpeech.make(
          [{ ...first, name: "tts1" }, { ...second, name: "tts2" }],
          options
        )
      })
    )
    const agent = Agent.fallback([failing, answering], { onIncident: recorder.onIncident })
    const layer = VoiceBackend.layerSttTts({ agent, config: { conversation: { ...defaultPolicy, apology: "Sorry." } } })
      .pipe(Layer.provide([
        Layer.succeed(BackendProvider.BackendProvider, Harness.provider()),
        stt,
        tts,
        Scripted.layerVad()
      ]))
    return Effect.gen(function*() {
      const user = yield* Harness.call()
      for (let turn = 0; turn < 3; turn++) {
        yield* user.speaks(1_000)
        yield* user.hears(12_000)
      }
      const turn = ["user: w8000", "agent: You said w8000. That is all."]
      assert.deepStrictEqual(yield* user.said, [turn, turn, turn].flat())
      const what = (kind: string) =>
        recorder.incidents.filter((incident) => incident.kind === kind && incident.what === "failed").length
      assert.strictEqual(what("stt"), 2)
      assert.strictEqual(what("tts"), 3)
      assert.strictEqual(what("agent"), 3)
      assert.isTrue(recorder.incidents.every(({ sessionId }) => sessionId === user.session.id))
    }).pipe(Effect.provide(layer))
  })

  it.effect("retries a voice without a fallback, and says nothing twice", () => {
    const layer = VoiceBackend.layerSttTts({
      agent: answering,
      config: { conversation: { ...defaultPolicy, apology: "Sorry." }, retryDelay: Duration.millis(100) }
    }).pipe(Layer.provide([
      Layer.succeed(BackendProvider.BackendProvider, Harness.provider()),
      Scripted.layerStt(["hello"]),
      // the first sentence, and the second when it is asked for
      Scripted.layerTts({ failAt: { 0: down, 2: down, 3: down } }),
      Scripted.layerVad()
    ]))
    return Effect.gen(function*() {
      const user = yield* Harness.call()
      yield* user.speaks(1_000)
      yield* user.hears(12_000)
      assert.deepStrictEqual(yield* user.said, ["user: hello", "agent: You said hello. That is all."])
      assert.deepStrictEqual(
        user.connection.events.flatMap((event) =>
          event.type === "engine.incident" ? [`${event.kind} ${event.what}`] : event.type === "error" ? ["error"] : []
        ),
        [
          "tts failed",
          "tts retrying",
          "tts recovered",
          "tts failed",
          "tts retrying",
          "tts failed",
          "tts retrying",
          "tts recovered"
        ]
      )
    }).pipe(Effect.provide(layer))
  })
})
