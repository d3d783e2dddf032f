import { assert, describe, it } from "@effect/vitest"
import { CallContext } from "../../../src/client/media/CallContext.ts"
import { PlaybackWatch } from "../../../src/client/media/PlaybackWatch.ts"
import { makeWebRtcMedia } from "../../../src/client/media/WebRtcMedia.ts"
import { FakeContext, useInstalled } from "../FakePage.ts"

describe("WebRtcMedia", () => {
  useInstalled()

  it("says that the browser has no WebRTC, or that it is turned off", () => {
    const context = new FakeContext()
    let error: unknown
    try {
      makeWebRtcMedia({
        context: new CallContext(context.asContext, () => context.asContext),
        watch: new PlaybackWatch(() => {}),
        stream: undefined,
        iceServers: []
      })
    } catch (cause) {
      error = cause
    }
    assert.include(error, { name: "VoiceClientError", code: "unsupported_browser" })
  })
})
