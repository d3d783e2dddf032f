import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { readFileSync } from "node:fs"
import * as Sdp from "../../../src/transport/webrtc/Sdp.ts"
import * as SdpAnswer from "../../../src/transport/webrtc/SdpAnswer.ts"

/** Offers of a real Chromium, made by the clients that they are named after. */
const recorded = (name: string): string => readFileSync(new URL(`offers/${name}.sdp`, import.meta.url), "utf8")
const agents = recorded("openai-agents")
const pipecat = recorded("small-webrtc")

const accepted = (text: string): Sdp.Offer => {
  const result = Sdp.inspect(text)
  return Result.isSuccess(result) ? result.success : assert.fail(result.failure)
}
const reason = (text: string): string => {
  const result = Sdp.inspect(text)
  return Result.isFailure(result) ? result.failure : assert.fail("was accepted")
}
const grep = (pattern: RegExp, text: string): ReadonlyArray<string> =>
  text.split("\r\n").filter((line) => pattern.test(line))

/** What native code answers to the sections that it sees. */
const nativeAnswer = ({ mid, payloadType, sdp }: Sdp.Offer): string =>
  [
    "v=0",
    "o=rtc 1 0 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    `a=group:BUNDLE ${grep(/^a=mid:/, sdp).map((line) => line.slice(6)).join(" ")}`,
    "a=setup:active",
    ...grep(/^(?:m|a=mid)/, sdp).map((line) =>
      line.startsWith("m=audio") ? `m=audio 9 UDP/TLS/RTP/SAVPF ${payloadType}` : line
    ),
    ...(mid === "" ? [] : ["a=candidate:1 1 UDP 1 127.0.0.1 5000 typ host"]),
    ""
  ].join("\r\n")

/** The sections of an SDP: each one's kind, port and name. */
const sectionsOf = (sdp: string): ReadonlyArray<string> =>
  `\r\n${sdp}`.split("\r\nm=").slice(1).map((section) => {
    const [kind, port] = section.split(" ")
    return `${kind} ${port === "0" ? "refused" : "accepted"} ${/^a=mid:(.*?)\r?$/m.exec(section)?.[1] ?? "-"}`
  })

const head = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
const transport = [
  "a=ice-ufrag:abcd",
  "a=ice-pwd:abcdefghijklmnopqrstuvwx",
  "a=fingerprint:sha-256 AA:BB",
  "a=setup:actpass",
  "a=candidate:1 1 udp 1 192.0.2.7 5000 typ host"
]
const audio = (mid: string) => ["m=audio 9 UDP/TLS/RTP/SAVPF 111", `a=mid:${mid}`, "a=rtpmap:111 opus/48000/2"]
const video = (mid: string) => ["m=video 9 UDP/TLS/RTP/SAVPF 96 97", `a=mid:${mid}`, "a=rtpmap:96 VP8/90000"]
const data = (mid: string) => ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", `a=mid:${mid}`, "a=sctp-port:5000"]
const offer = (...lines: ReadonlyArray<ReadonlyArray<string>>) => `${[head, ...lines].flat().join("\r\n")}\r\n`

describe("Sdp with video", () => {
  it("shows native code no video of an offer of Pipecat's client, and refuses it in its place", () => {
    const inspected = accepted(pipecat)
    assert.include(inspected, { mid: "0", payloadType: 111, data: true })
    assert.notMatch(inspected.sdp, /video|VP8|H264/)
    assert.deepStrictEqual(grep(/BUNDLE/, inspected.sdp), ["a=group:BUNDLE 0 2"])
    const answer = SdpAnswer.complete(nativeAnswer(inspected), inspected)
    assert.deepStrictEqual(sectionsOf(answer), ["audio accepted 0", "video refused 1", "application accepted 2"])
    assert.deepStrictEqual(grep(/BUNDLE/, answer), ["a=group:BUNDLE 0 2"])
    assert.deepStrictEqual(grep(/inactive/, answer), ["a=inactive"])
  })

  it("refuses the screen beside the camera", () => {
    const at = pipecat.indexOf("m=application")
    const camera = pipecat.slice(pipecat.indexOf("m=video"), at)
    const text = (pipecat.slice(0, at) + camera.replace("a=mid:1", "a=mid:screen") + pipecat.slice(at))
      .replace("BUNDLE 0 1 2", "BUNDLE 0 1 screen 2")
    const inspected = accepted(text)
    assert.deepStrictEqual(sectionsOf(SdpAnswer.complete(nativeAnswer(inspected), inspected)), [
      "audio accepted 0",
      "video refused 1",
      "video refused screen",
      "application accepted 2"
    ])
  })

  it("answers an offer without video, of OpenAI's client, as native code does", () => {
    const inspected = accepted(agents)
    assert.strictEqual(inspected.sdp, agents)
    assert.deepStrictEqual(inspected.refused, [])
    const answer = nativeAnswer(inspected)
    assert.strictEqual(SdpAnswer.complete(answer, inspected), answer)
  })

  it("keeps the transport that the first section describes for all of its bundle", () => {
    const bundle = ["a=group:BUNDLE v a d"]
    const inspected = accepted(offer(bundle, [...video("v"), ...transport], audio("a"), data("d")))
    for (const line of transport) assert.include(inspected.sdp, `${line}\r\n`)
    assert.strictEqual(inspected.ufrag, "abcd")
    assert.deepStrictEqual(inspected.candidates, ["candidate:1 1 udp 1 192.0.2.7 5000 typ host"])
    // a video that has a transport of its own has none for the others
    const apart = offer(["a=group:BUNDLE a d"], [...video("v"), ...transport], audio("a"), data("d"))
    assert.match(reason(apart), /ICE credentials/)
    const both = offer(["a=group:BUNDLE a d"], [...video("v"), ...transport], [
      ...audio("a"),
      ...transport.slice(0, 4)
    ], data("d"))
    assert.deepStrictEqual(accepted(both).candidates, [])
  })

  it("answers no bundle to an offer without one", () => {
    const inspected = accepted(offer(audio("a"), transport, video("v")))
    assert.deepStrictEqual(grep(/BUNDLE/, SdpAnswer.complete(nativeAnswer(inspected), inspected)), [])
    assert.deepStrictEqual(inspected.bundle, [])
    // one that is of others
    const others = accepted(offer(["a=group:BUNDLE v w"], audio("a"), transport, video("v"), video("w")))
    assert.notMatch(others.sdp, /BUNDLE/)
  })

  it.effect.prop(
    "answers each section of an offer in its place: voice and data with what native code says, video with port 0",
    [Schema.Array(Schema.Natural), Schema.Natural, Schema.Natural, Schema.Boolean],
    ([kinds, voiceAt, dataAt, isBundled]) =>
      Effect.sync(() => {
        const videos = kinds.slice(0, 6)
        const names: Array<string> = videos.map((_, at) => `v${at}`)
        names.splice(voiceAt % (names.length + 1), 0, "a")
        names.splice(dataAt % (names.length + 1), 0, "d")
        const group = names.filter((name) => !name.startsWith("v") || isBundled)
        const inspected = accepted(offer(
          [`a=group:BUNDLE ${group.join(" ")}`],
          transport,
          ...names.map((name) => name === "a" ? audio(name) : name === "d" ? data(name) : video(name))
        ))
        const answer = SdpAnswer.complete(nativeAnswer(inspected), inspected)
        assert.deepStrictEqual(
          sectionsOf(answer),
          names.map((name) =>
            name === "a" ? "audio accepted a" : name === "d" ? "application accepted d" : `video refused ${name}`
          )
        )
        assert.deepStrictEqual(grep(/BUNDLE/, answer), [
          `a=group:BUNDLE ${group.filter((each) => each.length === 1).join(" ")}`
        ])
        assert.notInclude(inspected.sdp, "video")
      }),
    { arbitrary: { runs: 200 } }
  )

  for (const [name, text] of [["OpenAI's", agents], ["Pipecat's", pipecat]] as const) {
    it.effect.prop(
      `never throws, however an offer of ${name} client is mangled, and answers all its sections if it accepts it`,
      [Schema.Array(Schema.Tuple([Schema.Natural, Schema.Natural, Schema.String]))],
      ([edits]) =>
        Effect.sync(() => {
          let mangled = text
          for (const [at, length, insert] of edits) {
            const start = at * 37 % (mangled.length + 1)
            mangled = mangled.slice(0, start) + insert + mangled.slice(start + length % 80)
          }
          const result = Sdp.inspect(mangled)
          if (Result.isFailure(result)) return assert.isAbove(result.failure.length, 0)
          const inspected = result.success
          const answer = SdpAnswer.complete(nativeAnswer(inspected), inspected)
          assert.lengthOf(sectionsOf(answer), inspected.mids.length)
          assert.notInclude(inspected.sdp, "\r\nm=video")
          for (const each of inspected.bundle) assert.include(inspected.mids, each)
        }),
      { arbitrary: { runs: 300 } }
    )
  }

  it("announces a public address for host candidates of the same family only", () => {
    const sdp = [
      "a=candidate:1 1 UDP 1 10.0.0.5 5000 typ host",
      "a=candidate:2 1 UDP 1 fe80::1 5000 typ host",
      "a=candidate:3 1 UDP 1 198.51.100.1 5000 typ srflx raddr 0.0.0.0 rport 0"
    ].join("\r\n")
    assert.strictEqual(SdpAnswer.announce(sdp, "203.0.113.9"), sdp.replace("10.0.0.5", "203.0.113.9"))
  })
})
