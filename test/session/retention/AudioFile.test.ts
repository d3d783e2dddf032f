import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Wav from "../../../src/audio/Wav.ts"
import { AudioFile } from "../../../src/session/retention/AudioFile.ts"
import { StereoTimeline } from "../../../src/session/retention/StereoTimeline.ts"

const RATE = 16_000
/** The most samples of two channels that a WAV file of 4 GiB holds, in ms. */
const FULL_MS = Math.floor((0xfffffffe - Wav.headerBytes) / 4 * 1_000 / RATE)

describe("AudioFile", () => {
  it.effect("marks what does not fit into a WAV file as a gap, and says that it is full", () =>
    Effect.gen(function*() {
      let end = 0
      const timeline = new StereoTimeline({ sampleRate: RATE, startMs: 0, capacityMs: 4_000 })
      const file = new AudioFile({
        timeline,
        append: (content, at) =>
          Effect.sync(() => {
            end = Math.max(end, at + content.length)
            return true
          })
      })
      // a session that is restored three seconds before its recording is full
      file.startAt(FULL_MS - 3_000, Wav.headerBytes + 4 * RATE * (FULL_MS - 3_000) / 1_000)
      for (let second = 1; second <= 10; second++) {
        timeline.user(new Int16Array(RATE).fill(second), second * 1_000)
        assert.isTrue(yield* file.write(second * 1_000))
        assert.strictEqual(file.isFull, second > 3)
      }
      assert.isAtMost(end, 0xfffffffe)
      const last = file.gaps.at(-1) ?? [0, 0]
      assert.isAtMost(Math.abs(last[0] - FULL_MS), 1_000)
      assert.isAtMost(Math.abs(last[1] - (FULL_MS + 7_000)), 100)
    }))
})
