import { assert, describe, it } from "@effect/vitest"
import { CallMicrophone } from "../../../src/client/media/CallMicrophone.ts"
import type { VoiceClientError } from "../../../src/client/VoiceClientError.ts"

/** As much of a stream with one track as a call's microphone uses. */
const makeStream = () => {
  const track = { enabled: true, stopped: false, onended: null as (() => void) | null, stop: () => {} }
  track.stop = () => {
    track.stopped = true
  }
  const stream = { getAudioTracks: () => [track], getTracks: () => [track] }
  return { track, stream: stream as unknown as MediaStream }
}

describe("CallMicrophone", () => {
  it("mutes its track, and the one that replaces it", () => {
    const first = makeStream()
    const second = makeStream()
    const microphone = new CallMicrophone(first.stream, () => {})
    assert.isTrue(microphone.setMuted(true))
    assert.isFalse(microphone.setMuted(true))
    assert.isFalse(first.track.enabled)
    microphone.prepare(second.stream)
    assert.isFalse(second.track.enabled)
    microphone.replace(second.stream)
    assert.isTrue(first.track.stopped)
    assert.isFalse(second.track.enabled)
    assert.isFalse(second.track.stopped)
    assert.isTrue(microphone.setMuted(false))
    assert.isTrue(second.track.enabled)
    microphone.close()
    assert.isTrue(second.track.stopped)
  })

  it("reports that its device was disconnected, and not that of a former stream", () => {
    const lost: Array<VoiceClientError> = []
    const first = makeStream()
    const second = makeStream()
    const microphone = new CallMicrophone(first.stream, (error) => lost.push(error))
    const former = first.track.onended
    microphone.replace(second.stream)
    former?.()
    assert.deepStrictEqual(lost, [])
    second.track.onended?.()
    assert.deepStrictEqual(lost.map(({ code }) => code), ["microphone_missing"])
  })

  it("may be absent", () => {
    const microphone = new CallMicrophone(undefined, () => {})
    assert.isFalse(microphone.exists)
    assert.isTrue(microphone.setMuted(true))
    const { stream, track } = makeStream()
    microphone.replace(stream)
    assert.isTrue(microphone.exists)
    assert.isFalse(track.enabled)
  })
})
