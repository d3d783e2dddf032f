/**
 * Recognisers that do not keep to the contract: each costs one turn at most, and no utterance is answered twice.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Queue, Stream } from "effect"
import { SpeechToText, type TranscriptEvent } from "../../src/speech/SpeechToText.ts"
import { Invariants, type Recording, Scenario } from "../../src/testing/index.ts"
import { SpokenAudioReader } from "../../src/testing/scenario/SpokenAudio.ts"

const { pause, perform, say, waitForAgent, waitForSpeech } = Scenario

const userSaid = (call: Recording.Recording) => call.history.flatMap((item) => item.role === "user" ? [item.text] : [])
const answers = (call: Recording.Recording) => call.replies.map((reply) => reply.heard)

/** Recognises what was said, and answers `finalize` as told: `sent` gets the words since the last answer. */
const recogniser = (
  endOfTurn: boolean,
  interim: boolean,
  sent: (words: string, id: number, emit: (event: TranscriptEvent) => void) => Effect.Effect<void>
) =>
  Layer.succeed(SpeechToText, {
    name: "odd",
    sampleRate: 16_000,
    capabilities: { interim: true, endOfTurn },
    open: () =>
      Effect.gen(function*() {
        const events = yield* Queue.unbounded<TranscriptEvent>()
        const asked = yield* Queue.unbounded<number>()
        const emit = (event: TranscriptEvent) => void Queue.offerUnsafe(events, event)
        let words: Array<string> = []
        const reader = new SpokenAudioReader(({ text }) => {
          words.push(text)
          if (interim) emit({ _tag: "Interim", text: words.join(" ") })
        })
        yield* Queue.take(asked).pipe(
          Effect.flatMap((id) =>
            Effect.suspend(() => {
              const said = words.join(" ")
              words = []
              return sent(said, id, emit)
            })
          ),
          Effect.forever,
          Effect.forkScoped
        )
        return {
          push: (pcm: Int16Array) => reader.push(pcm),
          activity: () => {},
          finalize: (id: number) => void Queue.offerUnsafe(asked, id),
          events: Stream.fromQueue(events)
        }
      })
  })

const twice = (words: string, id: number, emit: (event: TranscriptEvent) => void) =>
  Effect.sync(() => {
    emit({ _tag: "Final", text: words })
    emit({ _tag: "Final", text: words })
    emit({ _tag: "Finalized", id })
    emit({ _tag: "Final", text: words })
  })
const emptyFinal = (_: string, id: number, emit: (event: TranscriptEvent) => void) =>
  Effect.sync(() => {
    emit({ _tag: "Final", text: "" })
    emit({ _tag: "Finalized", id })
  })
const growing = (words: string, id: number, emit: (event: TranscriptEvent) => void) =>
  Effect.gen(function*() {
    emit({ _tag: "Interim", text: `${words} indeed` })
    yield* Effect.sleep("1 second")
    emit({ _tag: "Finalized", id })
  })
const afterTheDeadline = (words: string, id: number, emit: (event: TranscriptEvent) => void) =>
  Effect.gen(function*() {
    yield* Effect.sleep("5500 millis")
    emit({ _tag: "Final", text: words })
    emit({ _tag: "Finalized", id })
  })
const never = () => Effect.void

for (const authority of ["own", "stt"] as const) {
  const turns = authority === "stt" ? { turnDetection: "stt" as const } : {}
  const talk = (stt: Scenario.ScenarioOptions["stt"]) =>
    Effect.map(
      Scenario.run({
        ...turns,
        stt,
        user: [say("hello there my friend"), pause("30 seconds"), say("are you there"), pause("30 seconds")]
      }),
      (call) => {
        assert.strictEqual(Invariants.report(call), "")
        return call
      }
    )

  describe(`A recogniser, turns decided by ${authority}`, () => {
    it.effect("that never finalizes costs one turn: its interim words are answered once, and the call goes on", () =>
      Effect.gen(function*() {
        for (
          const stt of [
            recogniser(authority === "stt", true, never),
            { hangAt: "always" as const, ...(authority === "stt" ? { endOfTurn: 3_600_000 } : {}) }
          ]
        ) {
          const call = yield* talk(stt)
          assert.deepStrictEqual(userSaid(call), ["hello there my friend", "are you there"])
          assert.strictEqual(answers(call).length, 2)
          assert.strictEqual(call.ended?.reason, "user_ended")
        }
      }))

    it.effect("that never finalizes and tells nothing does not end the call", () =>
      Effect.gen(function*() {
        const call = yield* talk(recogniser(authority === "stt", false, never))
        assert.deepStrictEqual(userSaid(call), [])
        assert.strictEqual(call.ended?.reason, "user_ended")
      }))

    for (
      const [what, sent, said] of [
        ["sends each final transcript several times", twice, ["hello there my friend", "are you there"]],
        ["sends an empty final transcript", emptyFinal, ["hello there my friend", "are you there"]],
        ["goes on with interim words when asked", growing, ["hello there my friend indeed", "are you there indeed"]],
        ["answers after the deadline", afterTheDeadline, ["hello there my friend", "are you there"]]
      ] as const
    ) {
      it.effect(`that ${what} is understood once`, () =>
        Effect.gen(function*() {
          const call = yield* talk(recogniser(authority === "stt", true, sent))
          assert.deepStrictEqual(userSaid(call), [...said])
          assert.strictEqual(answers(call).length, 2)
          assert.strictEqual(call.ended?.reason, "user_ended")
        }))
    }
  })
}

/** Runs it, and lets nothing be heard twice. */
const once = Effect.fnUntraced(function*(options: Scenario.ScenarioOptions) {
  const call = yield* Scenario.run(options)
  const violations = [...Invariants.all(call), ...Invariants.noWordTwice(call)]
  assert.strictEqual(Invariants.report(call, violations), "")
  return call
})

describe("What was taken from interim transcripts is not heard again by the stream that replaces a dead one", () => {
  it.effect("where it was said over speech that may not be interrupted", () =>
    Effect.gen(function*() {
      const said = "This is a longer sentence that nobody may interrupt, so it goes on for a while."
      const call = yield* once({
        config: { timeout: "2 seconds" },
        stt: { hangAt: [0], finalizeTimeout: "6 seconds" },
        user: [
          perform("says a text", (session) => Effect.ignore(session.say(said, { interruptible: false }))),
          waitForSpeech(),
          say("what about Monday"),
          waitForAgent,
          waitForAgent,
          pause("8 seconds"),
          say("sure"),
          waitForAgent
        ]
      })
      assert.deepStrictEqual(userSaid(call), ["what about Monday", "sure"])
    }))

  it.effect("where it was said after the longest turn had ended", () =>
    Effect.gen(function*() {
      const call = yield* once({
        config: { timeout: "2 seconds" },
        policy: { longestTurn: "5 seconds", interruption: { enabled: false } },
        stt: { hangAt: [0, 1], finalizeTimeout: "8 seconds" },
        user: [
          say("one two"),
          pause("400 millis"),
          say("three four five six seven eight nine ten", { msPerCharacter: 120 }),
          pause("16 seconds"),
          say("sure"),
          waitForAgent
        ]
      })
      assert.strictEqual(userSaid(call).join(" "), "one two three four five six seven eight nine ten sure")
    }))
})
