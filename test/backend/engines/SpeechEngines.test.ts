/** The engines of a backend as its sessions use them. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Stream } from "effect"
import * as SpeechEngines from "../../../src/backend/engines/SpeechEngines.ts"
import * as Faulty from "../../speech/Faulty.ts"

describe("SpeechEngines", () => {
  it.effect("retries a text-to-speech engine that has no fallback", () =>
    Effect.scoped(Effect.gen(function*() {
      const faults: Array<Faulty.TtsFault> = ["fail", "ok"]
      const { asked, engine } = Faulty.tts("a", 1, () => faults.shift() ?? "ok")
      const made = yield* SpeechEngines.make({
        stt: [Faulty.stt("b", () => "ok").engine],
        tts: [engine],
        sttTurns: false
      }, { maxRetries: 3, retryDelay: Duration.seconds(1), timeout: Duration.seconds(30) })
      const voice = yield* made.tts.open({ sessionId: "s" })
      const speaking = yield* Effect.forkChild(Stream.runCollect(voice.speak(Stream.make("one", "two"))))
      yield* Faulty.pass(2_000)
      const chunks = yield* Fiber.join(speaking)
      // a chunk without audio tells where the speech of a text ends
      const audible = chunks.filter(({ pcm }) => pcm.length > 0)
      assert.deepStrictEqual(audible.map(({ text }) => text), ["one", "", "two", ""])
      assert.deepStrictEqual(asked, ["one:fail", "one:ok", "two:ok"])
    })))
})
