import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Buffer } from "node:buffer"
import { MediaShape, textOf } from "../../../src/protocols/media-streams/MediaShape.ts"
import { wholeNumber } from "../../../src/protocols/media-streams/StartMessage.ts"
import type { JsonRecord } from "../../../src/schema/Json.ts"

const bytesOf = (text: string) => new TextEncoder().encode(text)
const PAYLOAD = Buffer.from(Uint8Array.from({ length: 160 }, (_, i) => i)).toString("base64")

interface Numbers {
  readonly sequence: number
  readonly chunk: number
  readonly timestamp: number
}

/** The messages of carriers with audio, as text; the order of keys and the space between them are theirs. */
const carriers: ReadonlyArray<readonly [streamId: string, text: (numbers: Numbers, payload: string) => string]> = [
  ["streamSid", ({ chunk, sequence, timestamp }, payload) =>
    JSON.stringify({
      event: "media",
      sequenceNumber: String(sequence),
      media: { track: "inbound", chunk: String(chunk), timestamp: String(timestamp), payload },
      streamSid: "MZ18ad3ab5a668481ce02b83e7395059f0"
    })],
  ["streamId", ({ chunk, sequence, timestamp }, payload) =>
    JSON.stringify({
      sequenceNumber: sequence,
      streamId: "2b8b8a58-3c51",
      event: "media",
      media: { track: "inbound", timestamp: String(timestamp), chunk, payload },
      extra_headers: "{\"note\":\"é \\\" 12\"}"
    })],
  [
    "stream_sid",
    ({ chunk, sequence, timestamp }, payload) =>
      `{"media": {"payload": "${payload}", "timestamp": ${timestamp}, "chunk": ${chunk}},\n "event": "media", ` +
      `"stream_sid": "s", "sequence_number": "${sequence}"}`
  ],
  [
    "stream_id",
    ({ sequence }, payload) =>
      JSON.stringify({ event: "media", sequence_number: sequence, media: { payload }, stream_id: "s" })
  ]
]

const Whole = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999_999_999_999_999 }))
const Numbers = Schema.Struct({ sequence: Whole, chunk: Whole, timestamp: Whole })
const Bytes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))).check(
  Schema.isMaxLength(400)
)
/** Where a message is changed, how, and what is put there. */
const Change = Schema.Tuple([
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000 })),
  Schema.Literals(["insert", "replace", "remove"]),
  Schema.Literals(["\"", "\\", ",", "}", ":", "0", "7", "-", ".", "e", "A", "=", "+", "/", " ", "\n", "é", "\u0000"])
])

const changed = (text: string, changes: ReadonlyArray<typeof Change.Type>): string =>
  changes.reduce((now, [place, how, what]) => {
    const at = place % (now.length + 1)
    return now.slice(0, at) + (how === "remove" ? "" : what) + now.slice(how === "insert" ? at : at + 1)
  }, text)

const learn = (text: string, streamId: string): MediaShape => {
  const shape = MediaShape.learn(bytesOf(text), JSON.parse(text), streamId)
  if (shape === undefined) throw new Error(`nothing learnt of ${text}`)
  return shape
}

/** What a message means for a call. */
const meaningOf = (message: JsonRecord, streamId: string) => {
  const media = message["media"] as JsonRecord
  return {
    event: message["event"],
    stream: message[streamId],
    track: media["track"],
    chunk: wholeNumber(media["chunk"]),
    payload: media["payload"]
  }
}

describe("MediaShape", () => {
  for (const [streamId, textFor] of carriers) {
    const first = textFor({ sequence: 2, chunk: 1, timestamp: 5 }, PAYLOAD)

    it.prop(`knows a message of ${streamId} again, whatever its numbers and its audio`, [Numbers, Bytes], (
      [numbers, bytes]
    ) => {
      const payload = Buffer.from(bytes).toString("base64")
      const text = textFor(numbers, payload)
      const shape = learn(first, streamId)
      const data = bytesOf(text)
      assert.isTrue(shape.matches(data))
      assert.strictEqual(textOf(data, shape.from, shape.to), payload)
      assert.strictEqual(shape.chunk, meaningOf(JSON.parse(text), streamId).chunk)
    })

    it.prop(
      `takes nothing for a message of ${streamId} that JSON reads otherwise`,
      [Numbers, Bytes, Schema.Array(Change).check(Schema.isMaxLength(4))],
      ([numbers, bytes, changes]) => {
        const text = changed(textFor(numbers, Buffer.from(bytes).toString("base64")), changes)
        const shape = learn(first, streamId)
        const data = bytesOf(text)
        if (!shape.matches(data)) return
        assert.deepStrictEqual(meaningOf(JSON.parse(text), streamId), {
          ...meaningOf(JSON.parse(first), streamId),
          chunk: shape.chunk,
          payload: textOf(data, shape.from, shape.to)
        })
      },
      { arbitrary: { runs: 400 } }
    )
  }

  it("knows no message again that differs in anything else", () => {
    const text = `{"event":"media","n":10,"media":{"chunk":"1","payload":"AAAA"},"stream":"s1"}`
    const shape = learn(text, "stream")
    assert.isTrue(shape.matches(bytesOf(text)))
    for (
      const [from, to] of [
        ["\"s1\"", "\"s2\""],
        ["media\",", "mark\","],
        [":10", ":010"],
        [":10", ":-10"],
        [":10", ":1e1"],
        [":10", ":"],
        [":10", ":1234567890123456"],
        ["\"1\"", "\"\""],
        ["\"1\"", "\"x\""],
        ["AAAA", "AA\\/A"],
        ["AAAA", "AA A"],
        ["AAAA", "AAAA\",\"payload\":\"BBBB"],
        ["}", "} "],
        ["{", ""],
        ["\"s1\"}", "\"s1\""],
        ["\"s1\"}", "\"s1\"}}"]
      ] as const
    ) {
      assert.isFalse(shape.matches(bytesOf(text.replace(from, to))), `${from} → ${to}`)
    }
    assert.isFalse(shape.matches(new Uint8Array(0)))
    // a chunk that was found is not found again in a message that has another shape
    assert.isUndefined(shape.chunk)
  })

  it("learns nothing of a message whose shape could mean something else", () => {
    for (
      const text of [
        // the id of the stream is a number like others
        `{"event":"media","media":{"chunk":"1","payload":"AAAA"},"stream":"12"}`,
        // its payload comes twice
        `{"event":"media","media":{"chunk":"1","payload":"AAAA"},"copy":"AAAA","stream":"s"}`,
        `{"event":"media","media":{"chunk":"1","payload":"AAAA","payload":"AAAA"},"stream":"s"}`,
        // its payload is written with an escape
        `{"event":"media","media":{"chunk":"1","payload":"AA\\/A"},"stream":"s"}`,
        // its chunk is no number that is read
        `{"event":"media","media":{"chunk":1.5,"payload":"AAAA"},"stream":"s"}`,
        `{"event":"media","media":{"chunk":"1234567890123456","payload":"AAAA"},"stream":"s"}`,
        `{"event":"media","media":{"chunk":"1"},"stream":"s"}`,
        `{"event":"media","stream":"s"}`,
        `{"event":"media","media":{"payload":"AAAA"},"stream":"s","more":[${
          Array.from({ length: 30 }).fill(1).join()
        }]}`,
        `{"event":"media","media":{"payload":"AAAA"},"stream":"s","more":"${"x".repeat(5_000)}"}`
      ]
    ) {
      assert.isUndefined(MediaShape.learn(bytesOf(text), JSON.parse(text), "stream"), text.slice(0, 120))
    }
  })
})
