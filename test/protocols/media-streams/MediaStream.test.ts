import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Buffer } from "node:buffer"
import * as Exotel from "../../../src/protocols/media-streams/Exotel.ts"
import * as MediaStream from "../../../src/protocols/media-streams/MediaStream.ts"
import type { MediaStreamDialect } from "../../../src/protocols/media-streams/MediaStreamDialect.ts"
import * as Plivo from "../../../src/protocols/media-streams/Plivo.ts"
import * as SignalWire from "../../../src/protocols/media-streams/SignalWire.ts"
import * as Telnyx from "../../../src/protocols/media-streams/Telnyx.ts"
import * as Twilio from "../../../src/protocols/media-streams/Twilio.ts"
import type { MediaProtocol, MediaStart } from "../../../src/protocols/MediaProtocol.ts"
import { mediaProtocols } from "../../../src/protocols/Protocols.ts"

const encoder = new TextEncoder()
const bytesOf = (message: unknown): Uint8Array =>
  encoder.encode(typeof message === "string" ? message : JSON.stringify(message))

/** The first messages of each carrier, as its documents have them, and what is read from them. */
const carriers: ReadonlyArray<{
  readonly dialect: MediaStreamDialect
  readonly protocol: MediaProtocol
  readonly first: ReadonlyArray<unknown>
  readonly start: MediaStart
}> = [
  {
    dialect: Twilio.dialect,
    protocol: Twilio.protocol,
    first: [
      { event: "connected", protocol: "Call", version: "1.0.0" },
      {
        event: "start",
        sequenceNumber: "1",
        streamSid: "MZ1",
        start: {
          accountSid: "AC1",
          streamSid: "MZ1",
          callSid: "CA1",
          tracks: ["inbound"],
          mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8_000, channels: 1 },
          customParameters: { session: "ses_1" }
        }
      }
    ],
    start: {
      streamId: "MZ1",
      callId: "CA1",
      account: "AC1",
      from: undefined,
      to: undefined,
      input: { encoding: "mulaw", sampleRate: 8_000 },
      output: { encoding: "mulaw", sampleRate: 8_000 },
      parameters: { session: "ses_1" }
    }
  },
  {
    dialect: SignalWire.dialect,
    protocol: SignalWire.protocol,
    first: [
      { event: "connected", protocol: "Call", version: "0.2.0" },
      {
        event: "start",
        sequenceNumber: "1",
        streamSid: "s-1",
        start: {
          accountSid: "p-1",
          streamSid: "s-1",
          callSid: "c-1",
          tracks: ["inbound"],
          mediaFormat: { encoding: "audio/x-l16", sampleRate: 24_000, channels: 1 },
          customParameters: {}
        }
      }
    ],
    start: {
      streamId: "s-1",
      callId: "c-1",
      account: "p-1",
      from: undefined,
      to: undefined,
      input: { encoding: "l16", sampleRate: 24_000, littleEndian: true },
      output: { encoding: "l16", sampleRate: 24_000, littleEndian: true },
      parameters: {}
    }
  },
  {
    dialect: Telnyx.dialect,
    protocol: Telnyx.protocol,
    first: [
      { event: "connected", version: "1.0.0" },
      {
        event: "start",
        sequence_number: "1",
        start: {
          user_id: "u-1",
          call_control_id: "v2:c-1",
          call_session_id: "x",
          from: "+15550100",
          to: "+15550101",
          media_format: { encoding: "PCMA", sample_rate: 8_000, channels: 1 },
          custom_parameters: { token: "t" }
        },
        stream_id: "st-1"
      }
    ],
    start: {
      streamId: "st-1",
      callId: "v2:c-1",
      account: "u-1",
      from: "+15550100",
      to: "+15550101",
      input: { encoding: "alaw", sampleRate: 8_000 },
      output: { encoding: "alaw", sampleRate: 8_000 },
      parameters: { token: "t" }
    }
  },
  {
    dialect: Plivo.dialect,
    protocol: Plivo.protocol,
    first: [
      {
        event: "start",
        sequenceNumber: 1,
        start: {
          callId: "c-1",
          streamId: "s-1",
          accountId: "MA1",
          tracks: ["inbound"],
          mediaFormat: { encoding: "audio/x-l16", sampleRate: 16_000 }
        },
        extra_headers: "userId=12345;sessionId=abc-xyz"
      }
    ],
    start: {
      streamId: "s-1",
      callId: "c-1",
      account: "MA1",
      from: undefined,
      to: undefined,
      input: { encoding: "l16", sampleRate: 16_000, littleEndian: true },
      output: { encoding: "l16", sampleRate: 16_000, littleEndian: true },
      parameters: { userId: "12345", sessionId: "abc-xyz" }
    }
  },
  {
    dialect: Exotel.dialect,
    protocol: Exotel.protocol,
    first: [
      { event: "connected" },
      {
        event: "start",
        sequence_number: "1",
        stream_sid: "MZ1",
        start: {
          stream_sid: "MZ1",
          call_sid: "CA1",
          account_sid: "AC1",
          from: "+919876543210",
          to: "+918047491899",
          custom_parameters: { key1: "value1" },
          media_format: { encoding: "audio/x-raw", sample_rate: "16000", bit_rate: "16" }
        }
      }
    ],
    start: {
      streamId: "MZ1",
      callId: "CA1",
      account: "AC1",
      from: "+919876543210",
      to: "+918047491899",
      input: { encoding: "l16", sampleRate: 16_000, littleEndian: true },
      output: { encoding: "l16", sampleRate: 16_000, littleEndian: true },
      parameters: { key1: "value1" }
    }
  }
]

/** A stream that has started, and everything that it told. */
const talk = (carrier: { readonly protocol: MediaProtocol; readonly start: MediaStart }, room = 49_152) => {
  const told: Array<readonly [what: string, value: unknown]> = []
  const samples = new Int16Array(room)
  const codec = carrier.protocol.make(carrier.start)
  const listener = {
    audio: (pcm: Int16Array) => void told.push(["audio", Array.from(pcm)]),
    gap: (count: number) => void told.push(["gap", count]),
    digit: (digit: string) => void told.push(["digit", digit]),
    mark: (name: string) => void told.push(["mark", name]),
    stopped: (reason: string) => void told.push(["stopped", reason]),
    malformed: (reason: string) => void told.push(["malformed", reason])
  }
  return {
    told,
    codec,
    receive: (message: unknown, isBinary = false) => codec.receive(bytesOf(message), isBinary, samples, listener),
    /** What was told since the last time, by its names. */
    take: () => told.splice(0)
  }
}

const twilio = carriers[0]!
const telnyx = carriers[2]!
const media = (chunk: unknown, level: number, more: object = {}) => ({
  event: "media",
  media: { track: "inbound", chunk, payload: Buffer.alloc(4, level).toString("base64"), ...more }
})
const ofLevel = (level: number) => Array.from({ length: 4 }, () => level === 0xff ? 0 : -32_124)

describe("MediaStream", () => {
  for (const { dialect, first, protocol, start } of carriers) {
    describe(dialect.name, () => {
      it("reads the start", () => {
        const opened = first.map((message) => protocol.open(bytesOf(message), false))
        assert.deepStrictEqual(opened.slice(0, -1).map(({ _tag }) => _tag), first.slice(1).map(() => "More"))
        assert.deepStrictEqual(opened.at(-1), { _tag: "Started", start })
      })

      it("decodes the audio that another encodes, and its own", () => {
        const line = talk({ protocol, start })
        const pcm = Int16Array.from(
          { length: start.output.sampleRate / 50 },
          (_, i) => Math.round(8_000 * Math.sin(i / 5))
        )
        const sent: unknown = JSON.parse(String(line.codec.audio(pcm)))
        assert.isTrue(typeof sent === "object" && sent !== null && "media" in sent)
        const payload = Object(sent).media.payload
        line.receive({
          event: "media",
          [dialect.streamId]: start.streamId,
          media: { track: "inbound", chunk: "1", payload }
        })
        const [[what, heard] = ["", []]] = line.take()
        assert.strictEqual(what, "audio")
        const decoded = Int16Array.from(heard as Array<number>)
        assert.strictEqual(decoded.length, pcm.length)
        // G.711 errs by half a step at most
        for (const [i, sample] of pcm.entries()) assert.isAtMost(Math.abs(decoded[i]! - sample), 260)
      })

      it("hears digits and marks, and the end", () => {
        const line = talk({ protocol, start })
        const stream = { [dialect.streamId]: start.streamId }
        line.receive({
          event: "dtmf",
          ...stream,
          [dialect.sequence]: "5",
          dtmf: { track: "inbound_track", digit: "1" }
        })
        line.receive({ event: "dtmf", ...stream, [dialect.sequence]: 6, dtmf: { digit: "#", duration: "100" } })
        const mark: unknown = JSON.parse(String(line.codec.mark?.("e7.3")))
        line.receive({ ...Object(mark), event: dialect.mark.echo, [dialect.sequence]: "7" })
        line.receive({ event: "stop", ...stream, stop: {} })
        assert.deepStrictEqual(line.take(), [["digit", "1"], ["digit", "#"], ["mark", "e7.3"], ["stopped", "stop"]])
        // nothing is told afterwards
        line.receive(media("9", 0xff))
        line.receive({ event: "stop" })
        assert.deepStrictEqual(line.take(), [])
      })
    })
  }

  it("writes the messages of each carrier", () => {
    const written = Object.fromEntries(carriers.map(({ dialect, protocol, start }) => {
      const codec = protocol.make(start)
      return [
        dialect.name,
        [codec.audio(new Int16Array(2)), codec.mark?.("a"), codec.clear?.()].map((message) =>
          JSON.parse(String(message))
        )
      ]
    }))
    const ofTwilio = (payload: string, streamSid: string) => [
      { event: "media", streamSid, media: { payload } },
      { event: "mark", streamSid, mark: { name: "a" } },
      { event: "clear", streamSid }
    ]
    assert.deepStrictEqual(written, {
      twilio: ofTwilio("//8=", "MZ1"),
      signalwire: ofTwilio("AAAAAA==", "s-1"),
      telnyx: [{ event: "media", media: { payload: "1dU=" } }, { event: "mark", mark: { name: "a" } }, {
        event: "clear"
      }],
      plivo: [
        {
          event: "playAudio",
          streamId: "s-1",
          media: { contentType: "audio/x-l16", sampleRate: 16_000, payload: "AAAAAA==" }
        },
        { event: "checkpoint", streamId: "s-1", name: "a" },
        { event: "clearAudio", streamId: "s-1" }
      ],
      exotel: [
        { event: "media", stream_sid: "MZ1", media: { payload: "AAAAAA==" } },
        { event: "mark", stream_sid: "MZ1", mark: { name: "a" } },
        { event: "clear", stream_sid: "MZ1" }
      ]
    })
  })

  it("lists every protocol by its name", () => {
    for (const { protocol } of carriers) assert.strictEqual(mediaProtocols.get(protocol.name), protocol)
  })

  it("takes another output than the input where it is told", () => {
    const { dialect, first } = telnyx
    const output = { encoding: "l16", sampleRate: 16_000 } as const
    const opened = MediaStream.make(dialect, { output }).open(bytesOf(first.at(-1)), false)
    assert.strictEqual(opened._tag, "Started")
    if (opened._tag === "Started") assert.deepStrictEqual(opened.start.output, output)
  })

  it("refuses a start that it cannot serve, and says why", () => {
    const reasonOf = (start: object, protocol = Twilio.protocol): string => {
      const opened = protocol.open(
        bytesOf({ event: "start", start: { callSid: "CA1", streamSid: "MZ1", ...start } }),
        false
      )
      return opened._tag === "Invalid" ? opened.reason : opened._tag
    }
    const format = (mediaFormat: object) => reasonOf({ mediaFormat })
    assert.strictEqual(format({}), "Started")
    assert.strictEqual(format({ encoding: "audio/x-mulaw", sampleRate: "8000", channels: "1" }), "Started")
    assert.strictEqual(format({ encoding: "OPUS" }), "\"start\" with an encoding that is not supported")
    assert.strictEqual(format({ encoding: 7 }), "\"start\" with an encoding that is not supported")
    assert.strictEqual(format({ encoding: "constructor" }), "\"start\" with an encoding that is not supported")
    assert.strictEqual(format({ sampleRate: 16_000 }), "\"start\" with a sample rate that is not supported")
    assert.strictEqual(format({ sampleRate: "fast" }), "\"start\" with a sample rate that is not supported")
    assert.strictEqual(format({ channels: 2 }), "\"start\" with audio of more than one channel")
    assert.strictEqual(reasonOf({ callSid: "" }), "\"start\" without callSid")
    assert.strictEqual(reasonOf({ callSid: "x".repeat(300) }), "\"start\" without callSid")
    assert.strictEqual(reasonOf({ streamSid: {} }), "\"start\" without streamSid")
    const open = (message: unknown, isBinary = false) => Twilio.protocol.open(bytesOf(message), isBinary)
    assert.deepStrictEqual(open("{"), { _tag: "Invalid", reason: "not a JSON object" })
    assert.deepStrictEqual(open("[]"), { _tag: "Invalid", reason: "not a JSON object" })
    assert.deepStrictEqual(open({}), { _tag: "Invalid", reason: "a message without an event" })
    assert.deepStrictEqual(open({ event: "connected" }, true), { _tag: "Invalid", reason: "a binary message" })
    assert.deepStrictEqual(open({ event: "stop" }), { _tag: "Invalid", reason: "the stream stopped before it started" })
    assert.strictEqual(open({ event: "media", media: {} })._tag, "More")
    assert.strictEqual(open({ event: "of tomorrow" })._tag, "More")
  })

  it("keeps a bounded number of parameters of a bounded length, whatever their names", () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`p${i}`, i]))
    const parametersOf = (customParameters: unknown) => {
      const message = `{"event":"start","start":{"callSid":"CA1","streamSid":"MZ1","customParameters":${
        JSON.stringify(customParameters)
      }}}`
      const opened = Twilio.protocol.open(bytesOf(message), false)
      return opened._tag === "Started" ? opened.start.parameters : undefined
    }
    assert.strictEqual(Object.keys(parametersOf(many) ?? {}).length, 64)
    assert.deepStrictEqual(parametersOf({ long: "x".repeat(2_000), a: true, b: {}, c: null }), { a: "true" })
    const named = parametersOf(JSON.parse("{\"__proto__\":\"x\"}"))
    assert.isTrue(Object.hasOwn(named ?? {}, "__proto__"))
    assert.strictEqual(Object(parametersOf({})).polluted, undefined)
    assert.deepStrictEqual(parametersOf([1, 2]), {})
  })

  it("drops duplicates and late chunks, and tells what is missing", () => {
    const line = talk(twilio)
    for (
      const message of [media("1", 0xff), media("1", 0xff), media(2, 0), media("4", 0xff), media("3", 0), media("5", 0)]
    ) {
      line.receive(message)
    }
    assert.deepStrictEqual(line.take(), [
      ["audio", ofLevel(0xff)],
      ["audio", ofLevel(0)],
      ["gap", 4],
      ["audio", ofLevel(0xff)],
      ["audio", ofLevel(0)]
    ])
  })

  it("puts the chunks of Telnyx in order, and gives what waits at the end", () => {
    const line = talk(telnyx)
    for (const chunk of [2, 1, 3, 6, 4]) line.receive(media(chunk, chunk))
    assert.deepStrictEqual(line.take().map(([what]) => what), ["audio", "audio", "audio", "audio"])
    line.receive({ event: "stop" })
    assert.deepStrictEqual(line.take().map(([what, value]) => what === "audio" ? what : [what, value]), [
      ["gap", 4],
      "audio",
      ["stopped", "stop"]
    ])
  })

  it("tells no more than 10 s of silence, however many chunks are missing", () => {
    const line = talk(twilio)
    const large = Buffer.alloc(40_000, 0xff).toString("base64")
    line.receive({ event: "media", media: { chunk: 1, payload: large } })
    line.receive({ event: "media", media: { chunk: 400, payload: "/w==" } })
    assert.deepStrictEqual(line.take().slice(1), [["gap", 80_000], ["audio", [0]]])
  })

  it("ignores our own track, unknown events, and digits that come twice", () => {
    const line = talk(twilio)
    line.receive(media("1", 0, { track: "outbound" }))
    line.receive({ event: "of tomorrow", "of tomorrow": {} })
    line.receive({ event: "dtmf", sequenceNumber: "5", dtmf: { digit: "a" } })
    line.receive({ event: "dtmf", sequenceNumber: "5", dtmf: { digit: "a" } })
    line.receive({ event: "dtmf", sequenceNumber: "6", dtmf: { digit: "a" } })
    line.receive({ event: "dtmf", sequenceNumber: "7", dtmf: { digit: "1", track: "outbound_track" } })
    assert.deepStrictEqual(line.take(), [["digit", "A"], ["digit", "A"]])
  })

  it("says what is wrong with a message, quotes nothing of it, and goes on", () => {
    const line = talk(twilio)
    const secret = "4929123412341234"
    const wrong: ReadonlyArray<readonly [unknown, string]> = [
      [`{"${secret}`, "not a JSON object"],
      [`[${"[".repeat(30_000)}`, "not a JSON object"],
      [{ event: 7, secret }, "a message without an event"],
      [{ event: "start", start: { callSid: secret } }, "a second \"start\""],
      [{ event: "media" }, "\"media\" without media"],
      [{ event: "media", media: { payload: 7 } }, "\"media\" without a payload"],
      [{ event: "media", media: { payload: "" } }, "a message without audio"],
      [{ event: "media", media: { payload: `${secret}!` } }, "audio that is not base64"],
      [{ event: "media", streamSid: "MZ2", media: { payload: "/w==" } }, "a message of another stream"],
      [{ event: "mark", mark: { name: 1 } }, "a mark without a name"],
      [{ event: "mark" }, "a mark without a name"],
      [{ event: "mark", mark: { name: "x".repeat(300) } }, "a mark without a name"],
      [{ event: "dtmf", dtmf: { digit: secret } }, "\"dtmf\" without a digit"],
      [{ event: "dtmf" }, "\"dtmf\" without a digit"]
    ]
    for (const [message, reason] of wrong) {
      assert.isAtLeast(line.receive(message), 20)
      assert.deepStrictEqual(line.take(), [["malformed", reason]])
    }
    line.receive("x", true)
    assert.deepStrictEqual(line.take(), [["malformed", "a binary message"]])
    line.receive(media("1", 0xff))
    assert.deepStrictEqual(line.take(), [["audio", ofLevel(0xff)]])
  })

  it("costs what its audio lasts, and large messages by their size", () => {
    const line = talk(twilio)
    const frame = Buffer.alloc(160, 0xff).toString("base64")
    assert.strictEqual(line.receive({ event: "media", media: { chunk: 1, payload: frame } }), 21)
    assert.strictEqual(
      line.receive({ event: "media", media: { payload: Buffer.alloc(8_000).toString("base64") } }),
      1_000
    )
    assert.isAtLeast(line.receive({ event: "x", x: "y".repeat(65_000) }), 250)
    assert.isAtMost(line.receive({ event: "mark", mark: { name: "a" } }), 2)
    assert.strictEqual(line.receive({ event: "x" }), 20)
    // audio that waits for another chunk is paid when it is passed on
    const late = talk(telnyx)
    const first = late.receive({ event: "media", media: { chunk: 2, payload: frame } })
    assert.isAtMost(first + late.receive({ event: "media", media: { chunk: 1, payload: frame } }), 45)
  })

  it.prop(
    "throws for no message, and tells at most what it holds",
    [Schema.Struct({
      event: Schema.Literals(["media", "dtmf", "mark", "playedStream", "stop", "start", "x"]),
      media: Schema.Json,
      dtmf: Schema.Json,
      mark: Schema.Json,
      name: Schema.Json,
      sequenceNumber: Schema.Json
    })],
    ([message]) => {
      for (const carrier of carriers) {
        const line = talk(carrier)
        const cost = line.receive(message)
        assert.isTrue(Number.isFinite(cost) && cost >= 1)
        assert.isAtMost(line.told.length, 2)
      }
    }
  )
})
