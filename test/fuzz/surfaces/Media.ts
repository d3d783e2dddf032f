import { Decoder, Encoder } from "@evan/opus"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Wav from "../../../src/audio/Wav.ts"
import * as TarEntries from "../../../src/models/TarEntries.ts"
import * as OpusRtp from "../../../src/transport/webrtc/OpusRtp.ts"
import * as Sdp from "../../../src/transport/webrtc/Sdp.ts"
import * as SdpAnswer from "../../../src/transport/webrtc/SdpAnswer.ts"
import { VoiceReceiver } from "../../../src/transport/webrtc/VoiceReceiver.ts"
import { tar } from "../../models/FakeRegistry.ts"
import { Chance } from "../Chance.ts"
import { textOf } from "../Mutate.ts"
import { CANARY, expect, expectDiscreet, type Surface, text } from "../Surface.ts"

const offer = [
  "v=0",
  "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0 1",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9",
  "c=IN IP4 0.0.0.0",
  "a=rtcp:9 IN IP4 0.0.0.0",
  "a=candidate:1 1 udp 2113937151 192.0.2.7 51000 typ host generation 0",
  "a=candidate:2 1 udp 2113937151 some-host.local 51001 typ host",
  "a=ice-ufrag:abcd",
  `a=ice-pwd:${CANARY}`,
  "a=fingerprint:sha-256 " + Array.from({ length: 32 }, () => "AB").join(":"),
  "a=setup:actpass",
  "a=mid:0",
  "a=sendrecv",
  "a=rtcp-mux",
  "a=rtpmap:111 opus/48000/2",
  "a=fmtp:111 minptime=10;useinbandfec=1",
  "a=rtpmap:9 G722/8000",
  "a=ssrc:1234 cname:x",
  "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
  "c=IN IP4 0.0.0.0",
  "a=mid:1",
  "a=sctp-port:5000",
  ""
]

export const sdp: Surface = {
  name: "sdp",
  seeds: text(
    offer.join("\r\n"),
    offer.join("\n"),
    offer.filter((line) => !line.includes("candidate")).join("\r\n"),
    [...offer.slice(0, 21), ""].join("\r\n"),
    [...offer.slice(0, 21), "m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:2", ...offer.slice(21)].join("\r\n")
  ),
  dictionary: [
    "m=audio ",
    "m=video 9 UDP/TLS/RTP/SAVPF 96",
    "m=application ",
    "a=mid:",
    "a=candidate:",
    "a=rtpmap:",
    "a=ice-ufrag:",
    "a=ice-pwd:",
    "a=fingerprint:",
    "a=inactive",
    "a=recvonly",
    "opus/48000/2",
    "\r\n",
    "\n",
    "v=0\r\n",
    "4294967296",
    "65536",
    "127.0.0.1",
    "::1",
    "x.example",
    "RTP/AVP"
  ],
  run: (input) => {
    const inspected = Sdp.inspect(textOf(input))
    if (Result.isFailure(inspected)) {
      expect(inspected.failure.length < 160, () => `a long reason: ${inspected.failure}`)
      return expectDiscreet(inspected.failure)
    }
    const { mid, payloadType, sdp } = inspected.success
    expect(payloadType >= 0 && payloadType <= 127, () => `payload type ${payloadType}`)
    expect(mid.length > 0 && mid.length <= 64, () => `mid ${mid}`)
    expect(Buffer.byteLength(sdp) <= 2 * Sdp.MAX_OFFER_BYTES, () => "it grew")
    expect(!/[^\r]\n|\r[^\n]/.test(sdp), () => "mixed line ends")
    for (const line of sdp.split("\r\n")) {
      if (line.startsWith("a=candidate:")) {
        expect(/^[\d.:a-fA-F%]+/.test(line.split(" ")[4] ?? ""), () => "a host name got through")
      }
    }
    const sections = (of: string) => of.split("\r\n").filter((line) => line.startsWith("m="))
    expect(!sections(sdp).some((line) => line.startsWith("m=video")), () => "a video got through")
    const answer = SdpAnswer.complete(sdp, inspected.success)
    expect(sections(answer).length === inspected.success.mids.length, () => "the answer lacks a section")
    SdpAnswer.announce(answer, "203.0.113.9")
  }
}

const wavOf = (tag: number, bits: number, channels: number, rate: number, data: Uint8Array): Uint8Array => {
  const out = new Uint8Array(44 + data.length)
  out.set(Wav.header({ sampleRate: rate, channels, dataBytes: data.length }))
  const view = new DataView(out.buffer)
  view.setUint16(20, tag, true)
  view.setUint16(32, channels * bits / 8, true)
  view.setUint16(34, bits, true)
  out.set(data, 44)
  return out
}
const noise = Uint8Array.from({ length: 256 }, (_, i) => (i * 73 + 11) & 0xff)

export const wav: Surface = {
  name: "wav",
  seeds: [
    wavOf(1, 16, 1, 16_000, noise),
    wavOf(1, 16, 2, 48_000, noise),
    wavOf(1, 8, 1, 8_000, noise),
    wavOf(1, 24, 2, 44_100, noise),
    wavOf(1, 32, 1, 96_000, noise),
    wavOf(3, 32, 1, 24_000, noise),
    wavOf(3, 64, 2, 24_000, noise),
    wavOf(6, 8, 1, 8_000, noise),
    wavOf(7, 8, 2, 8_000, noise),
    wavOf(0xfffe, 16, 1, 16_000, noise),
    Wav.header({ sampleRate: 16_000 })
  ],
  dictionary: ["RIFF", "RF64", "WAVE", "fmt ", "data", "LIST", "\u0000\u0000\u0000\u0000"],
  run: (input) => {
    const parsed = Wav.parse(input)
    if (Result.isFailure(parsed)) {
      expect(parsed.failure._tag === "WavError" && parsed.failure.message.length < 200, () => "no WavError")
      return expect(parsed.failure.at >= 0, () => `at ${parsed.failure.at}`)
    }
    const { sampleRate, samples } = parsed.success
    expect(samples.length <= input.length, () => "more samples than bytes")
    expect(sampleRate >= 1_000 && sampleRate <= 384_000, () => `${sampleRate} Hz`)
    for (const sample of samples) expect(Number.isInteger(sample), () => "no sample")
  }
}

const FRAME = 320
const decoder = new Decoder({ channels: 1, sample_rate: 16_000 })
const rtpSeeds = (): ReadonlyArray<Uint8Array> => {
  const encoder = new Encoder({ channels: 1, sample_rate: 16_000, application: "voip" })
  const pcm = new Uint8Array(Int16Array.from({ length: FRAME }, (_, i) => 8_000 * Math.sin(i / 7)).buffer)
  const packets = Array.from({ length: 8 }, (_, i) =>
    OpusRtp.build({
      payloadType: 96,
      marker: i === 0,
      sequence: 65_533 + i,
      timestamp: 4_294_966_000 + 960 * i,
      ssrc: 7,
      payload: encoder.encode(pcm)
    }))
  const framed = (list: ReadonlyArray<Uint8Array>) =>
    Buffer.concat(list.flatMap((packet) => [Buffer.of(packet.length >> 8, packet.length & 0xff), packet]))
  return [framed(packets), framed(packets.slice(0, 2)), framed(packets.toReversed()), framed([...packets, ...packets])]
}

/** RTP as a peer sends it, two bytes of length before each packet, a tick of the clock after it. */
export const rtp: Surface = {
  name: "rtp",
  seeds: rtpSeeds(),
  maxBytes: 4_096,
  run: (input) => {
    let samples = 0
    const receiver = new VoiceReceiver({
      sampleRate: 16_000,
      decode: (payload) => decoder.decode(payload),
      audio: (pcm) => {
        samples += pcm.length
      },
      gap: (missing) => {
        expect(missing > 0, () => `a gap of ${missing}`)
        samples += missing
      }
    })
    let ticks = 0
    let at = 0
    while (at + 2 <= input.length && ticks < 200) {
      const length = input[at]! << 8 | input[at + 1]!
      const packet = OpusRtp.parse(input.subarray(at + 2, at + 2 + length))
      at += 2 + length
      if (packet !== undefined) {
        expect(packet.payload.length > 0 && packet.payload.length <= OpusRtp.MAX_PAYLOAD_BYTES, () => "a bad payload")
        receiver.push(packet, ticks * 20)
      }
      ticks++
      receiver.tick()
    }
    for (let more = 0; more < 20; more++, ticks++) receiver.tick()
    // What the clock asked for and as much again, the 3 s that may come late, and the rest of one long packet of 120 ms.
    expect(samples <= (2 * ticks + 150 + 6) * FRAME, () => `${samples} samples in ${ticks} ticks`)
    expect(receiver.buffer.depth >= 0, () => `depth ${receiver.buffer.depth}`)
  }
}

/** Puts right checksums on half of the archives, or few would be looked into. */
const fixed = (input: Uint8Array): Uint8Array => {
  const out = input.slice()
  for (let at = 0; at + 512 <= out.length; at += 512) {
    if (Buffer.from(out.buffer, at + 257, 5).toString("latin1") !== "ustar") continue
    out.fill(32, at + 148, at + 156)
    let sum = 0
    for (let i = 0; i < 512; i++) sum += out[at + i]!
    out.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), at + 148)
  }
  return out
}

export const archive: Surface = {
  name: "tar",
  seeds: [
    tar([{ path: "package/a", content: Buffer.from("hello") }, { path: "package/b/c", content: Buffer.alloc(600, 7) }]),
    tar([{ path: "../../etc/passwd", content: Buffer.from("x"), type: "2" }]),
    tar([])
  ],
  maxBytes: 8_192,
  dictionary: [
    "ustar\u0000",
    "00000000005\u0000",
    "77777777777\u0000",
    "-0000000001\u0000",
    "../",
    "/",
    "\u0000".repeat(512)
  ],
  run: (input) => {
    const chance = new Chance(String(input.length))
    const bytes = chance.one(2) ? fixed(input) : input
    let entries = 0
    let unpacked = 0
    const chunks: Array<Uint8Array> = []
    for (let at = 0; at < bytes.length;) {
      const length = 1 + chance.below(1_500)
      chunks.push(bytes.subarray(at, at + length))
      at += length
    }
    const limits = { maxEntries: 8, maxBytes: 16_384, maxHeaderBytes: 4_096 }
    const result = Effect.runSync(Effect.result(
      Stream.runForEach(TarEntries.decode(Stream.fromIterable(chunks), limits), ({ body, header }) => {
        entries++
        expect(Number.isSafeInteger(header.size) && header.size >= 0, () => `a size of ${header.size}`)
        return Stream.runForEach(body, (bytes) => Effect.sync(() => void (unpacked += bytes.length)))
      })
    ))
    if (result._tag === "Failure") {
      const { message } = result.failure
      return expect(message.length < 400, () => `a long reason: ${message}`)
    }
    expect(entries <= 8 && unpacked <= 16_384, () => `${entries} entries, ${unpacked} bytes`)
  }
}
