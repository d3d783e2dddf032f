import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Resampler from "../../../src/audio/resampling/Resampler.ts"
import { AudioOutput } from "../../../src/session/playout/AudioOutput.ts"
import { ReplyAudio } from "../../../src/session/playout/ReplyAudio.ts"
import type { SpeechChunk } from "../../../src/speech/TextToSpeech.ts"
import * as MemoryConnection from "../../../src/transport/MemoryConnection.ts"
import { FakeClock } from "../FakeClock.ts"

it.effect("ReplyAudio loses no audio when engines of different rates take turns in a reply", () =>
  Effect.gen(function*() {
    const nothing = () => {}
    const output = new AudioOutput(new FakeClock(), {
      audible: nothing,
      text: nothing,
      played: nothing,
      slow: nothing,
      dead: nothing,
      drained: nothing,
      failed: nothing
    })
    const pushed: Array<number> = []
    const push = output.push.bind(output)
    output.push = (epoch, chunk) => {
      pushed.push(chunk.pcm.length)
      push(epoch, chunk)
    }
    const speech = new ReplyAudio(yield* Resampler.load, output)
    output.begin(1, 1)
    for (const rate of [16_000, 22_050, 24_000, 16_000, 8_000]) {
      yield* speech.speak(1, [{ pcm: new Int16Array(rate / 2).fill(500), text: "" }], rate)
    }
    speech.finish(1)
    const ms = pushed.reduce((sum, samples) => sum + samples, 0) / 24
    assert.approximately(ms, 2_500, 1)
    speech.free()
  }))

describe("ReplyAudio, with more speech than is kept ahead", () => {
  /** Speaks what is taken from a list, chunk by chunk, and plays it to a client that plays at once. */
  const speaking = Effect.fnUntraced(function*(chunks: ReadonlyArray<SpeechChunk>) {
    const clock = new FakeClock()
    const nothing = () => {}
    let speech: ReplyAudio | undefined = undefined
    const output: AudioOutput = new AudioOutput(clock, {
      audible: nothing,
      text: nothing,
      played: nothing,
      slow: nothing,
      dead: nothing,
      drained: () => speech?.resume(),
      failed: nothing
    })
    const { connection } = MemoryConnection.make({ outputSampleRate: 24_000 })
    output.attach(connection, (samples) => samples)
    speech = new ReplyAudio(yield* Resampler.load, output)
    output.begin(1, 1)
    const taken: Array<string> = []
    yield* Stream.fromIterable(chunks).pipe(
      Stream.rechunk(1),
      Stream.tap(({ end, text }) => Effect.sync(() => taken.push(end ?? text))),
      Stream.runForEachArray((each) => speech?.speak(1, each, 24_000) ?? Effect.void),
      Effect.forkScoped
    )
    yield* Effect.yieldNow
    return {
      output,
      taken,
      play: (ms: number) =>
        Effect.gen(function*() {
          clock.run(ms)
          for (let i = 0; i < 5; i++) yield* Effect.yieldNow
        })
    }
  })
  const text = "one two three four five six seven eight nine ten"
  const spoken = (ms: number): SpeechChunk => ({ pcm: new Int16Array(24 * ms), text })
  const more = (ms: number): SpeechChunk => ({ pcm: new Int16Array(24 * ms), text: "" })
  const whole: SpeechChunk = { pcm: new Int16Array(0), text: "", end: "whole" }

  it.effect("learns at once that a text of 24 s has ended, and what is heard of it", () =>
    Effect.scoped(Effect.gen(function*() {
      const { output, play, taken } = yield* speaking([spoken(24_000), whole, spoken(1_000), whole])
      yield* play(9_000)
      // nothing is said ahead of a text that is still long
      assert.deepStrictEqual(taken, [text, "whole"])
      assert.strictEqual(output.heard(1)?.text, "one two three four")
      yield* play(15_000)
      assert.deepStrictEqual(taken, [text, "whole", text, "whole"])
      yield* play(1_000)
      assert.strictEqual(output.heard(1)?.text, `${text} ${text}`)
    })))

  it.effect("takes one piece more, and waits with it", () =>
    Effect.scoped(Effect.gen(function*() {
      const { output, play, taken } = yield* speaking([spoken(11_000), more(5_000), more(5_000), whole])
      assert.strictEqual(taken.length, 2)
      assert.strictEqual(output.aheadMs(1), 11_000)
      yield* play(1_500)
      assert.strictEqual(taken.length, 3)
      yield* play(20_000)
      assert.strictEqual(output.heard(1)?.text, text)
    })))
})
