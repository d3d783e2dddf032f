/**
 * Checks of a whole spoken turn, for each pipeline type.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as ScriptedSpeechToSpeech from "../../scripted/ScriptedSpeechToSpeech.ts"
import { assertEqual, assertThat, waitUntil } from "../Assertions.ts"
import type { Check } from "../Row.ts"

/** A spoken turn is recognised, answered, and the answer is played. */
export const spokenTurn: Check = (backends) =>
  Effect.gen(function*() {
    const { createUser } = yield* backends.start()
    const user = yield* createUser()
    yield* user.say("good morning")
    const expected = backends.harness.unsupported?.exactAudio === undefined ? "good morning" : "utterance 1"
    const { text } = yield* user.waitForEvent("user.transcript").pipe(
      Effect.andThen(
        waitUntil("the final transcript arrives", () => user.eventsOf("user.transcript").find(({ final }) => final))
      )
    )
    yield* assertEqual(text, expected, "the transcript")
    const reply = yield* user.waitForReply()
    yield* assertEqual([reply.text, reply.reason], [`You said ${expected}.`, "completed"], "the answer")
    yield* waitUntil("the answer is played", () => Effect.map(user.heardMs, (ms) => ms > 500))
    if (backends.harness.unsupported?.exactAudio === undefined) {
      yield* waitUntil("every word of the answer is played", () =>
        Effect.map(user.heard, (heard) => heard === reply.text))
    }
  })

/** The same with a speech-to-speech model. */
export const speechToSpeech: Check = (backends) =>
  Effect.gen(function*() {
    const { backend, createUser } = yield* backends.start({
      s2s: ScriptedSpeechToSpeech.layerS2s(["Good morning to you."], {
        transcripts: ["good morning"],
        msPerCharacter: 40
      })
    })
    yield* assertThat(
      backend.engines["stt"] === undefined && backend.engines["tts"] === undefined,
      "no STT or TTS is built"
    )
    const user = yield* createUser()
    yield* user.say("good morning")
    yield* assertEqual((yield* user.waitForReply()).text, "Good morning to you.", "the answer")
    yield* waitUntil("the answer is played", () => Effect.map(user.heardMs, (ms) => ms > 500))
  })

/** The same with a speech-to-speech model that leaves answers to the agent. */
export const agentInLoop: Check = (backends) =>
  Effect.gen(function*() {
    const { createUser } = yield* backends.start({
      s2s: ScriptedSpeechToSpeech.layerS2s(["Never said."], {
        agentInLoop: true,
        transcripts: ["good morning"],
        msPerCharacter: 40
      }),
      config: { agentInLoop: "answer" }
    })
    const user = yield* createUser()
    yield* user.say("good morning")
    yield* assertEqual(
      (yield* user.waitForReply()).text,
      "You said good morning.",
      "the agent's answer, spoken by the model"
    )
    yield* waitUntil("the answer is played", () => Effect.map(user.heardMs, (ms) => ms > 500))
  })
