import { Buffer } from "node:buffer"
import { mediaProtocols } from "../../../src/protocols/Protocols.ts"
import { CANARY, expect, expectDiscreet, type Surface } from "../Surface.ts"

const line = (...messages: ReadonlyArray<object>): Uint8Array =>
  Buffer.from(messages.map((each) => JSON.stringify(each)).join("\n"))

const payload = Buffer.alloc(320, 0x7f).toString("base64")

/** A carrier's stream: the messages of one connection, one a line; the first that starts it decides whose. */
export const mediaStreams: Surface = {
  name: "media-streams",
  seeds: [
    line(
      { event: "connected", protocol: "Call", version: "1.0.0" },
      {
        event: "start",
        streamSid: "MZ1",
        start: {
          accountSid: "AC1",
          streamSid: "MZ1",
          callSid: "CA1",
          mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8_000, channels: 1 },
          customParameters: { token: CANARY }
        }
      },
      { event: "media", streamSid: "MZ1", media: { track: "inbound", chunk: "1", timestamp: "0", payload } },
      { event: "media", streamSid: "MZ1", media: { track: "inbound", chunk: "3", timestamp: "0", payload } },
      { event: "dtmf", sequenceNumber: "5", dtmf: { track: "inbound_track", digit: "1" } },
      { event: "mark", mark: { name: CANARY } },
      { event: "stop" }
    ),
    line(
      {
        event: "start",
        start: {
          call_control_id: "c",
          media_format: { encoding: "L16", sample_rate: 16_000, channels: 1 },
          custom_parameters: {}
        },
        stream_id: "s"
      },
      { event: "media", stream_id: "s", media: { chunk: "4", payload } },
      { event: "media", stream_id: "s", media: { chunk: "2", payload } },
      { event: "error", payload: { code: 1, detail: CANARY } }
    ),
    line(
      {
        event: "start",
        start: { callId: "c", streamId: "s", mediaFormat: { encoding: "audio/x-l16", sampleRate: 8_000 } },
        extra_headers: `a=1;b=${CANARY}`
      },
      { event: "media", media: { chunk: 1, payload } },
      { event: "playedStream", name: "x" }
    )
  ],
  dictionary: [
    "\"event\":\"media\"",
    "\"chunk\":",
    "\"payload\":\"",
    "\"digit\":\"#\"",
    "e7.3",
    "AAAA",
    "\n{\"event\":\"stop\"}"
  ],
  run: (input) => {
    const lines = Buffer.from(input).toString("latin1").split("\n").slice(0, 64).map((each) =>
      Buffer.from(each, "latin1")
    )
    for (const protocol of mediaProtocols.values()) {
      const samples = new Int16Array(49_152)
      let heard = 0
      let told = 0
      let codec: ReturnType<typeof protocol.make> | undefined
      const listener = {
        audio: (pcm: Int16Array) => void (heard += pcm.length),
        gap: (count: number) => expect(count >= 0 && count <= 480_000, () => `a gap of ${count}`),
        digit: (digit: string) => expect(/^[0-9*#A-D]$/.test(digit), () => "no digit"),
        mark: () => void told++,
        stopped: () => void told++,
        malformed: (reason: string) => {
          told++
          expect(reason.length < 200, () => `a long reason: ${reason}`)
          expectDiscreet(reason)
        }
      }
      for (const bytes of lines) {
        if (codec === undefined) {
          const opened = protocol.open(bytes, false)
          if (opened._tag === "Started") codec = protocol.make(opened.start)
          else if (opened._tag === "Invalid") expectDiscreet(opened.reason)
          continue
        }
        const cost = codec.receive(bytes, false, samples, listener)
        expect(cost >= 1 && Number.isFinite(cost), () => `it costs ${cost} ms`)
      }
      expect(heard <= input.length, () => `${heard} samples of ${input.length} bytes`)
      expect(told <= lines.length * 2, () => `${told} reports of ${lines.length} messages`)
      if (codec === undefined) continue
      expect(String(codec.audio(new Int16Array(160))).length < 1_200, () => "a long message")
    }
  }
}
