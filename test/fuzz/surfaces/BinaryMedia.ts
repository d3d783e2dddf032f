import { Buffer } from "node:buffer"
import * as Asterisk from "../../../src/protocols/asterisk/AsteriskProtocol.ts"
import { AudioSocketFrames, encode, Kind } from "../../../src/protocols/audiosocket/AudioSocketFrames.ts"
import { protocolAt } from "../../../src/protocols/audiosocket/AudioSocketProtocol.ts"
import type { MediaCodec, MediaListener, MediaProtocol } from "../../../src/protocols/MediaProtocol.ts"
import * as Vonage from "../../../src/protocols/vonage/VonageProtocol.ts"
import { CANARY, expect, expectDiscreet, type Surface } from "../Surface.ts"

/** A message begins with `T` (text) or `B` (binary); a line break ends it. */
const messages = (...all: ReadonlyArray<object | string | Uint8Array>): Uint8Array =>
  Buffer.concat(all.flatMap((each) => [
    Buffer.from(each instanceof Uint8Array ? "B" : "T"),
    each instanceof Uint8Array ? each : Buffer.from(typeof each === "string" ? each : JSON.stringify(each)),
    Buffer.from("\n")
  ]))

const audio = Buffer.alloc(320, 0x7f)

/** Feeds the messages of one connection to a protocol: what starts it, and what follows. */
class Talk {
  readonly #protocol: MediaProtocol
  readonly #samples = new Int16Array(65_536)
  readonly #listener: MediaListener
  #codec: MediaCodec | undefined
  heard = 0
  told = 0

  constructor(protocol: MediaProtocol) {
    this.#protocol = protocol
    const count = () => void this.told++
    this.#listener = {
      audio: (pcm) => void (this.heard += pcm.length),
      gap: (samples) => expect(samples >= 0 && samples <= 480_000, () => `a gap of ${samples}`),
      digit: (digit) => expect(/^[0-9*#A-D]$/.test(digit), () => "no digit"),
      mark: count,
      stopped: count,
      malformed: (reason) => {
        count()
        expect(reason.length < 200, () => `a long reason: ${reason}`)
        expectDiscreet(reason)
      }
    }
  }

  hears(data: Uint8Array, isBinary: boolean): void {
    if (this.#codec !== undefined) {
      const cost = this.#codec.receive(data, isBinary, this.#samples, this.#listener)
      return expect(cost >= 0 && Number.isFinite(cost), () => `it costs ${cost} ms`)
    }
    const opened = this.#protocol.open(data, isBinary)
    if (opened._tag === "Invalid") return expectDiscreet(opened.reason)
    if (opened._tag !== "Started") return
    const codec = this.#protocol.make(opened.start)
    this.#codec = codec
    // as a session does: marks are out that may come back
    expect(codec.audio(new Int16Array(opened.start.output.sampleRate / 50)).length < 8_192, () => "a long message")
    for (let i = 1; i <= 3; i++) codec.mark?.(`0.1.${i * 200}`)
    codec.clear?.()
    codec.mark?.("1.1.200")
  }
}

const asterisk = {
  event: "MEDIA_START",
  connection_id: "media_connection",
  channel: "WebSocket/media_connection/0x7fd2e0001d10",
  channel_id: "1795951462.22",
  format: "ulaw",
  optimal_frame_size: 160,
  ptime: 20,
  channel_variables: { token: CANARY }
}

/** The streams whose audio is binary: Asterisk's WebSocket, Vonage's, and AudioSocket's bytes, cut anywhere. */
export const binaryMedia: Surface = {
  name: "binary-media",
  seeds: [
    messages(
      asterisk,
      audio,
      { event: "DTMF_END", digit: "1", duration_ms: 100 },
      { event: "MEDIA_XOFF" },
      { event: "MEDIA_XON" },
      { event: "MEDIA_MARK_PROCESSED", correlation_id: "1" },
      { event: "QUEUE_DRAINED" }
    ),
    messages(
      "MEDIA_START connection_id:c channel:WebSocket/c/0x7fd2 channel_id:1795951462.22 format:slin16 optimal_frame_size:640 ptime:20",
      audio,
      "DTMF_END digit:5 duration_ms:80",
      "MEDIA_MARK_PROCESSED correlation_id:4",
      "ERROR command:MARK_MEDIA"
    ),
    messages(
      {
        event: "websocket:connected",
        "content-type": "audio/l16;rate=16000",
        call_uuid: "63f61863",
        from: "447700900000",
        token: CANARY
      },
      audio,
      { event: "websocket:dtmf", digit: "5", duration: 260 },
      { event: "websocket:notify", payload: { name: "1.1.200" } },
      { event: "websocket:cleared" }
    ),
    Buffer.concat([
      encode(Kind.ID, Uint8Array.from({ length: 16 }, (_, i) => i)),
      encode(Kind.AUDIO, audio),
      encode(Kind.DTMF, Buffer.from("5")),
      encode(0x12, audio),
      encode(Kind.ERROR, Buffer.of(1)),
      encode(Kind.HANG_UP, new Uint8Array(0))
    ])
  ],
  dictionary: [
    "\nT{\"event\":\"",
    "\nB",
    "MEDIA_",
    "websocket:",
    "optimal_frame_size",
    "slin48",
    "rate=24000",
    "\u0010\u0001\u0040"
  ],
  run: (input) => {
    const lines = Buffer.from(input).toString("latin1").split("\n").slice(0, 64).map((each) =>
      Buffer.from(each, "latin1")
    )
    for (const protocol of [Asterisk.protocol, Vonage.protocol]) {
      const talk = new Talk(protocol)
      for (const bytes of lines) talk.hears(bytes.subarray(1), bytes[0] === 0x42)
      expect(talk.heard <= input.length, () => `${talk.heard} samples of ${input.length} bytes`)
      expect(talk.told <= lines.length * 5 + 8, () => `${talk.told} reports of ${lines.length} messages`)
    }
    const talk = new Talk(protocolAt(8_000))
    const frames = new AudioSocketFrames()
    let count = 0
    for (let at = 0; at < input.length; at += 700) {
      frames.push(input.subarray(at, at + 700), (frame) => {
        count++
        talk.hears(frame, true)
      })
    }
    expect(count <= input.length / 3, () => `${count} frames of ${input.length} bytes`)
    // audio of another rate is resampled to the one that was told
    expect(talk.heard <= input.length * 2, () => `${talk.heard} samples of ${input.length} bytes`)
  }
}
