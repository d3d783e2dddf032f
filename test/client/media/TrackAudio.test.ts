import { assert, describe, it } from "@effect/vitest"
import { TrackAudio } from "../../../src/client/media/TrackAudio.ts"

const makeStream = () => {
  const track = {} as MediaStreamTrack
  return { track, stream: { getAudioTracks: () => [track] } as unknown as MediaStream }
}

/** As much of a context as the user's side of the audio uses. */
const makeContext = () => {
  const node = { fftSize: 0, connect: () => {}, disconnect: () => {}, getFloatTimeDomainData: () => {} }
  return {
    state: "running",
    createAnalyser: () => node,
    createMediaStreamSource: () => node,
    close: async () => {}
  } as unknown as AudioContext
}

const makeAudio = (stream: MediaStream | undefined) => {
  Reflect.set(globalThis, "Audio", function Audio() {})
  try {
    return new TrackAudio(makeContext(), stream)
  } finally {
    Reflect.deleteProperty(globalThis, "Audio")
  }
}

const reasonOf = (promise: Promise<void>): Promise<unknown> =>
  promise.then(() => undefined, (reason: unknown) => reason)

describe("TrackAudio", () => {
  it("has the new microphone while it is being sent, and afterwards", async () => {
    const [first, second] = [makeStream(), makeStream()]
    const audio = makeAudio(first.stream)
    await audio.changeMicrophone(second.stream, async (track) => {
      assert.strictEqual(track, second.track)
      assert.strictEqual(audio.track, second.track)
    })
    assert.strictEqual(audio.stream, second.stream)
  })

  it("has the former microphone again when the new one cannot be sent", async () => {
    const [first, second] = [makeStream(), makeStream()]
    const failure = new Error("no")
    for (const former of [first.stream, undefined]) {
      const audio = makeAudio(former)
      assert.strictEqual(await reasonOf(audio.changeMicrophone(second.stream, () => Promise.reject(failure))), failure)
      assert.strictEqual(audio.stream, former)
    }
  })
})
