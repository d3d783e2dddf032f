import { assert, describe, it } from "@effect/vitest"
import { CallContext } from "../../../src/client/media/CallContext.ts"
import { PlaybackWatch } from "../../../src/client/media/PlaybackWatch.ts"
import { TrackAudio } from "../../../src/client/media/TrackAudio.ts"
import { FakeAudio, FakeContext, makeStream, settled, useInstalled } from "../FakePage.ts"

const reasonOf = (promise: Promise<void>): Promise<unknown> =>
  promise.then(() => undefined, (reason: unknown) => reason)

describe("TrackAudio", () => {
  useInstalled()

  const make = (stream: MediaStream | undefined) => {
    const context = new FakeContext()
    const next = new FakeContext()
    const call = new CallContext(context.asContext, () => next.asContext)
    return { audio: new TrackAudio(call, new PlaybackWatch(() => {}), stream), context, next }
  }

  it("has the new microphone while it is being sent, and afterwards", async () => {
    const [first, second] = [makeStream(), makeStream()]
    const { audio } = make(first.stream)
    await audio.changeMicrophone(second.stream, async (track) => {
      assert.strictEqual<unknown>(track, second.track)
      assert.strictEqual<unknown>(audio.track, second.track)
    })
    assert.strictEqual(audio.stream, second.stream)
  })

  it("has the former microphone again when the new one cannot be sent", async () => {
    const [first, second] = [makeStream(), makeStream()]
    const failure = new Error("no")
    for (const former of [first.stream, undefined]) {
      const { audio } = make(former)
      assert.strictEqual(await reasonOf(audio.changeMicrophone(second.stream, () => Promise.reject(failure))), failure)
      assert.strictEqual(audio.stream, former)
    }
  })

  it("sends again the microphone that was changed while a connection was made", async () => {
    const [first, second, third] = [makeStream(), makeStream(), makeStream()]
    const { audio } = make(first.stream)
    const sent: Array<unknown> = []
    const former = audio.track
    audio.setMicrophone(second.stream)
    await audio.sendTrack(former, async (track) => {
      sent.push(track)
      if (sent.length === 1) audio.setMicrophone(third.stream)
    })
    assert.deepStrictEqual(sent, [second.track, third.track])
    await audio.sendTrack(audio.track, async (track) => void sent.push(track))
    assert.strictEqual(sent.length, 2)
  })

  it("sends and plays what the browser refuses to measure, as Firefox does of devices of another rate", async () => {
    const [first, second, voice] = [makeStream(), makeStream(), makeStream()]
    const { audio, context } = make(first.stream)
    context.createMediaStreamSource = () => {
      throw new DOMException("different sample rates", "NotSupportedError")
    }
    const sent: Array<unknown> = []
    await audio.changeMicrophone(second.stream, async (track) => void sent.push(track))
    assert.deepStrictEqual(sent, [second.track])
    assert.strictEqual(audio.stream, second.stream)
    assert.strictEqual(audio.levels().user, 0)
    audio.play("agent", voice.stream, () => true)
    audio.remove("agent")
    assert.deepStrictEqual(FakeAudio.all.map(({ srcObject }) => srcObject), [null])
    audio.close()
  })

  it("measures in the context that replaces a closed one", async () => {
    const { stream } = makeStream()
    const { audio, context, next } = make(stream)
    const voice = makeStream()
    audio.play("agent", voice.stream, () => true)
    await settled()
    context.change("closed")
    await settled()
    assert.deepStrictEqual(next.sources.map((source) => source.stream), [stream, voice.stream])
    assert.isAbove(audio.levels().agent, 0)
    audio.close()
    assert.strictEqual(next.state, "closed")
  })
})
