import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import * as Sdp from "../../../src/transport/webrtc/Sdp.ts"

const lines = [
  "v=0",
  "o=- 46117317 2 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0 1",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9",
  "c=IN IP4 0.0.0.0",
  "a=ice-ufrag:abcd",
  "a=ice-pwd:abcdefghijklmnopqrstuvwx",
  "a=fingerprint:sha-256 AA:BB",
  "a=setup:actpass",
  "a=mid:0",
  "a=sendrecv",
  "a=rtpmap:111 opus/48000/2",
  "a=rtpmap:63 red/48000/2",
  "a=candidate:1 1 udp 2122260223 192.0.2.7 5000 typ host",
  "a=candidate:2 1 udp 2122260222 0f7f6a2c.local 5001 typ host",
  "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
  "a=mid:1",
  "a=sctp-port:5000"
]
const offer = (change: (lines: ReadonlyArray<string>) => ReadonlyArray<string> = (each) => each) =>
  `${change(lines).join("\r\n")}\r\n`
const without = (pattern: RegExp) => offer((each) => each.filter((line) => !pattern.test(line)))
const swapped = (from: string, to: string) => offer().replace(from, to)
const reason = (text: string) => {
  const result = Sdp.inspect(text)
  if (Result.isSuccess(result)) return assert.fail("was accepted")
  return result.failure
}

describe("Sdp", () => {
  it("finds the audio section and its Opus payload type, and removes candidates with host names", () => {
    const result = Sdp.inspect(offer().replaceAll("\r\n", "\n"))
    if (Result.isFailure(result)) return assert.fail(result.failure)
    assert.include(result.success, { mid: "0", payloadType: 111, data: true })
    assert.strictEqual(result.success.sdp, without(/\.local/))
  })

  it("says what is wrong with an offer", () => {
    assert.match(reason(""), /does not start with v=0/)
    assert.match(reason("x".repeat(65_537)), /more than 65536 bytes/)
    assert.match(
      reason(offer((each) => [...each, ...Array.from({ length: 1_000 }, () => "a=x")])),
      /more than 1000 lines/
    )
    assert.match(reason(offer((each) => [...each, `a=${"x".repeat(1_024)}`])), /line 21 has more than 1024/)
    assert.match(reason(offer((each) => [...each, "hello"])), /line 21 is not a valid SDP line/)
    assert.match(reason(offer((each) => [...each, "a=x\u0000"])), /control characters/)
    assert.match(reason(offer((each) => [...each, "m=audio"])), /line 21 is not a valid media description/)
    assert.match(reason(offer((each) => [...each, "m=text 9 UDP/TLS/RTP/SAVPF 96"])), /neither audio, video nor data/)
    assert.match(reason(offer((each) => [...each, "m=audio 9 UDP/TLS/RTP/SAVPF 96"])), /one audio section/)
    assert.match(
      reason(offer((each) => [...each, ...Array.from({ length: 700 }, () => "m=video 9 UDP/TLS/RTP/SAVPF 96")])),
      /more than 8 media sections/
    )
    assert.match(reason(offer((each) => [...each, "m=application 9 UDP/DTLS/SCTP x"])), /more than one data section/)
    assert.match(reason(swapped("BUNDLE 0 1", "BUNDLE 0")), /share no transport/)
    assert.match(reason(swapped("BUNDLE 0 1", "BUNDLE 1")), /share no transport/)
    assert.match(reason(without(/BUNDLE/)), /share no transport/)
    assert.match(reason(without(/a=mid:1/)), /share no transport/)
    assert.match(reason(swapped("UDP/TLS/RTP/SAVPF", "RTP/AVP")), /without encryption/)
    assert.match(reason(without(/opus/)), /does not offer opus/)
    assert.match(reason(swapped("a=rtpmap:111 opus", "a=rtpmap:112 opus")), /does not offer opus/)
    assert.match(reason(without(/a=mid:0/)), /no a=mid/)
    assert.match(reason(swapped("a=mid:1", "a=mid:0")), /line 19 .* repeats another/)
    assert.match(reason(swapped("a=mid:0", "a=mid:a b")), /line 12 is not a valid a=mid/)
    assert.match(reason(swapped("a=sendrecv", "a=inactive")), /inactive/)
    assert.match(reason(without(/ice-pwd/)), /ICE credentials/)
    assert.match(reason(without(/fingerprint/)), /fingerprint/)
    assert.match(reason(swapped("192.0.2.7 5000", "192.0.2.7 65536")), /not a valid candidate/)
    assert.match(
      reason(
        offer((each) => [...each, ...Array.from({ length: 40 }, () => "a=candidate:1 1 udp 1 192.0.2.7 5000 typ host")])
      ),
      /more than 40 candidates/
    )
  })

  it.effect.prop(
    "never throws, and accepts nothing that lacks what is needed, however an offer is mangled",
    [Schema.Array(Schema.Tuple([Schema.Natural, Schema.Natural, Schema.String]))],
    ([edits]) =>
      Effect.sync(() => {
        let text = offer()
        for (const [at, length, insert] of edits) {
          const start = at % (text.length + 1)
          text = text.slice(0, start) + insert + text.slice(start + length % 40)
        }
        const result = Sdp.inspect(text)
        if (Result.isFailure(result)) return assert.isAbove(result.failure.length, 0)
        assert.match(result.success.sdp, /^v=0\r\n/)
        assert.match(result.success.sdp, /a=fingerprint:/)
        assert.isAtMost(result.success.payloadType, 127)
        assert.notMatch(result.success.sdp, /\.local/)
      }),
    { arbitrary: { runs: 500 } }
  )
})
