/** Whole conversations with a turn detector that hears: how long the agent waits, and what a broken one costs. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { PipelineError } from "../../src/BackendError.ts"
import { TurnDetector } from "../../src/speech/TurnDetector.ts"
import { Invariants, Scenario } from "../../src/testing/index.ts"

const { pause, say, waitForAgent } = Scenario

type Listen = TurnDetector["Service"]["listen"] & {}

/** A detector that answers as `listen` says, and what it was given; the words say what the transcript does. */
const scripted = (
  listen: (audio: Int16Array, n: number) => ReturnType<Listen>,
  words: (text: string) => number = () => 1
) => {
  const heard: Array<Int16Array> = []
  const layer = Layer.succeed(TurnDetector, {
    name: "scripted",
    listen: (audio) =>
      Effect.suspend(() => {
        heard.push(audio)
        return listen(audio, heard.length)
      }),
    endOfTurn: ({ heard, transcript }) =>
      Effect.succeed(heard === undefined ? words(transcript) : Math.min(heard, words(transcript)))
  })
  return { heard, layer }
}

/** The verdict comes as fast as a real one. */
const takes = (probability: number) => Effect.delay(Effect.succeed(probability), "60 millis")

const run = Effect.fnUntraced(function*(turn: Layer.Layer<TurnDetector>, options: Scenario.ScenarioOptions) {
  // Silero reports a pause after 200 ms
  const call = yield* Scenario.run({ turn, vad: { hangoverMs: 200 }, ...options })
  assert.strictEqual(Invariants.report(call), "")
  return call
})

const userSaid = (call: { readonly history: ReadonlyArray<{ readonly role: string; readonly text: string }> }) =>
  call.history.flatMap((item) => item.role === "user" ? [item.text] : [])

const broken = new PipelineError({ op: "TurnDetector.listen", message: "no ears", retryable: true })

describe("A turn detector that hears", () => {
  it.effect("has a finished turn answered before the silence of the policy is over", () =>
    Effect.gen(function*() {
      const { heard, layer } = scripted(() => takes(0.9))
      const call = yield* run(layer, { user: [say("what time is it"), waitForAgent] })
      const [latency] = call.latencies
      assert.lengthOf(heard, 1)
      assert.isBelow(latency?.totalMs ?? 999, 300)
      assert.isAtLeast(latency?.totalMs ?? 0, 260)
    }))

  it.effect("is asked at each pause, and lets the user go on as long as the turn is unfinished", () =>
    Effect.gen(function*() {
      const { heard, layer } = scripted((_, n) => takes(n < 4 ? 0.1 : 0.9))
      const call = yield* run(layer, {
        user: [
          say("my number is"),
          pause("700 millis"),
          say("four one five"),
          pause("1200 millis"),
          say("five five five"),
          pause("900 millis"),
          say("one two three four"),
          waitForAgent
        ]
      })
      assert.lengthOf(heard, 4)
      assert.deepStrictEqual(userSaid(call), ["my number is four one five five five five one two three four"])
      assert.lengthOf(call.replies, 1)
    }))

  it.effect("gets the real audio of the turn, from before its first sound to the end of the pause", () =>
    Effect.gen(function*() {
      const { heard, layer } = scripted(() => takes(0.9))
      yield* run(layer, { user: [pause("3 seconds"), say("what time is it"), waitForAgent] })
      const [audio = new Int16Array(0)] = heard
      const loud = Array.from(audio, Math.abs).map((sample, i) => sample > 100 ? i : -1).filter((i) => i >= 0)
      const [first = 0] = loud
      const last = loud.at(-1) ?? 0
      assert.approximately(first, 8_000, 400, "half a second before")
      assert.approximately(audio.length - 1 - last, 3_200, 400, "the pause")
    }))

  it.effect("does not keep a turn open for longer than max_silence", () =>
    Effect.gen(function*() {
      const { layer } = scripted(() => takes(0))
      const call = yield* run(layer, {
        policy: { endpointing: { maxSilence: "1500 millis" } },
        user: [say("I would like"), waitForAgent]
      })
      assert.approximately(call.latencies[0]?.totalMs ?? 0, 1_500, 60)
    }))

  it.effect("that hangs or fails costs nothing but itself: words and silence decide", () =>
    Effect.gen(function*() {
      const words = (text: string) => text.endsWith("and") ? 0.1 : 0.9
      for (const listen of [() => Effect.never, () => Effect.fail(broken), () => Effect.die("crash")]) {
        const { heard, layer } = scripted(listen, words)
        const questions = ["one", "two", "three", "four", "five"]
        const call = yield* run(layer, {
          user: [
            ...questions.flatMap((question) => [say(question), waitForAgent]),
            say("I would like and"),
            pause("1 second"),
            say("a tea"),
            waitForAgent
          ]
        })
        assert.deepStrictEqual(userSaid(call), [...questions, "I would like and a tea"])
        // a hanging one delays the first turns by 300 ms, and then nobody waits for it
        assert.isAtMost(Math.max(...call.latencies.map(({ totalMs }) => totalMs)), 720)
        assert.isAtMost(call.latencies.at(-2)?.totalMs ?? 999, 340)
        assert.isAtMost(heard.length, 4)
      }
    }))

  it.effect("never delays by more than the slowest verdict that is waited for", () =>
    Effect.gen(function*() {
      for (const delay of [0, 50, 100, 200, 300, 400, 499]) {
        const { layer } = scripted(() => Effect.delay(Effect.succeed(0.9), delay))
        const call = yield* run(layer, { user: [say("what time is it"), waitForAgent] })
        assert.isAtMost(call.latencies[0]?.totalMs ?? 999, Math.max(330, Math.min(640, 240 + delay)), `${delay} ms`)
      }
    }))
})
