import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Resampler from "../../../src/audio/resampling/Resampler.ts"
import { AudioOutput } from "../../../src/session/playout/AudioOutput.ts"
import { ReplyAudio } from "../../../src/session/playout/ReplyAudio.ts"
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
