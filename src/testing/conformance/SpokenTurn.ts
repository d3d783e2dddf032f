/**
 * A whole spoken turn, by each of the pipelines.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as ScriptedSpeechToSpeech from "../scripted/ScriptedSpeechToSpeech.ts"
import { same, that, until } from "./Assertions.ts"
import type { Act } from "./Row.ts"

/** A spoken turn is heard, recognised, answered and spoken. */
export const converse: Act = (stage) =>
  Effect.gen(function*() {
    const { call } = yield* stage.open()
    const user = yield* call()
    yield* user.say("good morning")
    const expected = stage.harness.unsupported?.words === undefined ? "good morning" : "utterance 1"
    const { text } = yield* user.told("user.transcript").pipe(
      Effect.andThen(until("the final words", () => user.of("user.transcript").find(({ final }) => final)))
    )
    yield* same(text, expected, "what was recognised")
    const reply = yield* user.answered()
    yield* same([reply.text, reply.reason], [`You said ${expected}.`, "completed"], "the answer")
    yield* until("it was heard", () => Effect.map(user.heardMs, (ms) => ms > 500))
    if (stage.harness.unsupported?.words === undefined) {
      yield* until("every word of it was heard", () => Effect.map(user.heard, (heard) => heard === reply.text))
    }
  })

/** The same by a model that hears and speaks itself. */
export const speechToSpeech: Act = (stage) =>
  Effect.gen(function*() {
    const { backend, call } = yield* stage.open({
      s2s: ScriptedSpeechToSpeech.layerS2s(["Good morning to you."], {
        transcripts: ["good morning"],
        msPerCharacter: 40
      })
    })
    yield* that(backend.engines["stt"] === undefined && backend.engines["tts"] === undefined, "no STT or TTS is built")
    const user = yield* call()
    yield* user.say("good morning")
    yield* same((yield* user.answered()).text, "Good morning to you.", "the answer")
    yield* until("it was heard", () => Effect.map(user.heardMs, (ms) => ms > 500))
  })

/** The same by a model that only hears and speaks: the agent answers. */
export const agentInLoop: Act = (stage) =>
  Effect.gen(function*() {
    const { call } = yield* stage.open({
      s2s: ScriptedSpeechToSpeech.layerS2s(["Never said."], {
        agentInLoop: true,
        transcripts: ["good morning"],
        msPerCharacter: 40
      }),
      config: { agentInLoop: "answer" }
    })
    const user = yield* call()
    yield* user.say("good morning")
    yield* same((yield* user.answered()).text, "You said good morning.", "the agent's answer, by the model")
    yield* until("it was heard", () => Effect.map(user.heardMs, (ms) => ms > 500))
  })
