/**
 * Recognisers that do not keep to the contract: each costs one turn at most, and no utterance is answered twice.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Queue, Stream } from "effect"
import { SpeechToText, type TranscriptEvent } from "../../src/speech/SpeechToText.ts"
import { Invariants, type Recording, Scenario } from "../../src/testing/index.ts"
import { SpokenAudioReader } from "../../src/testing/scenario/SpokenAudio.ts"

const { pause, say } = Scenario

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
