/** The codecs of hosted voices as plain functions: what they write, what they read, and malformed input. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Cartesia from "../../../../src/engines/cartesia/SpeakProtocol.ts"
import * as Deepgram from "../../../../src/engines/deepgram/SpeakProtocol.ts"
import * as ElevenLabs from "../../../../src/engines/elevenlabs/SpeakProtocol.ts"
import * as CharacterWords from "../../../../src/engines/hosted/tts/CharacterWords.ts"
import * as TextPieces from "../../../../src/engines/hosted/tts/TextPieces.ts"
import type { TtsProtocol } from "../../../../src/engines/hosted/tts/TtsProtocol.ts"
import * as SpeechProtocol from "../../../../src/engines/openai/SpeechProtocol.ts"
import * as VendorError from "../../../../src/wire/VendorError.ts"

const base64 = (...bytes: ReadonlyArray<number>) => Buffer.from(bytes).toString("base64")
const json = (value: unknown) => JSON.stringify(value)
const parsed = (messages: ReadonlyArray<string>) => messages.map((message): unknown => JSON.parse(message))

const elevenLabs = () => ElevenLabs.make({ sampleRate: 8_000, voiceSettings: { stability: 0.5 } })
const cartesia = () =>
  Cartesia.make({
    model: "sonic-3",
    voice: "v",
    language: "en",
    sampleRate: 24_000,
    speed: undefined,
    volume: undefined
  })

describe("ElevenLabs", () => {
  it("writes a context: begun with a space, flushed, closed", () => {
    assert.deepStrictEqual(parsed(elevenLabs().speak("c0", "Hello there.", 0)), [
      { text: " ", context_id: "c0", voice_settings: { stability: 0.5 } },
      { text: "Hello there. ", context_id: "c0", flush: true },
      { context_id: "c0", close_context: true }
    ])
  })

  it("times words from the first sample of their context, though each message begins at 0", () => {
    const wire = elevenLabs()
    wire.speak("c0", "Hi you", 0)
    const message = (chars: string, key: string) =>
      wire.receive(json({
        // 20 ms at 8 kHz
        audio: Buffer.alloc(320).toString("base64"),
        isFinal: null,
        alignment: {
          chars: [...chars],
          charStartTimesMs: [...chars].map((_, i) => 5 * i),
          [key]: [...chars].map(() => 5)
        },
        contextId: "c0"
      })).filter(({ _tag }) => _tag === "Words")
    assert.deepStrictEqual(message("Hi y", "charsDurationsMs"), [
      { _tag: "Words", context: "c0", words: [{ text: "Hi", startMs: 0, endMs: 10 }] }
    ])
    assert.deepStrictEqual(message("ou", "charDurationsMs"), [])
    assert.deepStrictEqual(wire.receive(json({ isFinal: true, contextId: "c0" })), [
      { _tag: "Words", context: "c0", words: [{ text: "you", startMs: 15, endMs: 30 }] },
      { _tag: "Done", context: "c0" }
    ])
  })

  it("takes the end in both spellings", () => {
    const wire = elevenLabs()
    wire.speak("c0", "Hi", 0)
    assert.deepStrictEqual(wire.receive(json({ is_final: true, context_id: "c0" })), [{ _tag: "Done", context: "c0" }])
  })

  it("drops what comes after a cancel, and has no capacity while five contexts are open", () => {
    const wire = elevenLabs()
    for (let i = 0; i < 5; i++) {
      assert.isTrue(wire.hasCapacity(0))
      wire.speak(`c${i}`, "Hi", 0)
      assert.deepStrictEqual(wire.cancel(`c${i}`), [])
    }
    assert.isFalse(wire.hasCapacity(0))
    assert.deepStrictEqual(wire.receive(json({ audio: base64(1, 0), contextId: "c0" })), [])
    assert.deepStrictEqual(wire.receive(json({ isFinal: true, contextId: "c0" })), [])
    assert.isTrue(wire.hasCapacity(0))
  })

  it("tells quota, API key and rate limit apart", () => {
    const tag = (error: string) => {
      const [event] = elevenLabs().receive(json({ message: "secret words", error, code: 1008 }))
      assert.strictEqual(event?._tag, "Failed")
      return event?._tag === "Failed" ? VendorError.toError("elevenlabs", "test", event.fault) : undefined
    }
    assert.strictEqual(tag("quota_exceeded")?.details?.["reason"], "quota")
    assert.strictEqual(tag("invalid_api_key")?._tag, "AuthenticationFailed")
    assert.strictEqual(tag("max_active_conversations")?._tag, "RateLimitExceeded")
    assert.strictEqual(tag("something_new")?._tag, "PipelineError")
    assert.notInclude(json(tag("quota_exceeded")), "secret words")
  })
})

describe("Cartesia", () => {
  const request = {
    context_id: "a",
    model_id: "sonic-3",
    voice: { mode: "id", id: "v" },
    output_format: { container: "raw", encoding: "pcm_s16le", sample_rate: 24_000 },
    language: "en",
    add_timestamps: true,
    use_normalized_timestamps: false,
    transcript: "Hello, world.",
    continue: false
  }

  it("plays the documented transcript, with its barge-in", () => {
    const wire = cartesia()
    assert.deepStrictEqual(parsed(wire.speak("a", "Hello, world.", 0)), [request])
    assert.deepStrictEqual(
      wire.receive(
        json({ type: "chunk", context_id: "a", data: base64(1, 2), done: false, status_code: 206, step_time: 41.2 })
      ).map((event) => event._tag === "Audio" ? [...event.bytes] : event),
      [[1, 2]]
    )
    assert.deepStrictEqual(
      wire.receive(json({
        type: "timestamps",
        context_id: "a",
        done: false,
        status_code: 206,
        word_timestamps: { words: ["Hello,"], start: [0], end: [0.41] }
      })),
      [{ _tag: "Words", context: "a", words: [{ text: "Hello,", startMs: 0, endMs: 410 }] }]
    )
    assert.deepStrictEqual(parsed(wire.cancel("a")), [{ context_id: "a", cancel: true }])
    assert.deepStrictEqual(wire.receive(json({ type: "chunk", context_id: "a", data: base64(3, 4) })), [])
    assert.deepStrictEqual(
      wire.receive(json({ type: "done", context_id: "a", done: true, status_code: 200 })),
      []
    )
    assert.deepStrictEqual(wire.cancel("a"), [])
  })

  it("reads an error with its status, its code and the request's id", () => {
    const wire = cartesia()
    wire.speak("a", "Hi", 0)
    assert.deepStrictEqual(
      wire.receive(json({
        type: "error",
        title: "Too many requests",
        message: "…",
        status_code: 429,
        error_code: "concurrency_limited",
        request_id: "r1",
        context_id: "a",
        done: true
      })),
      [{
        _tag: "Failed",
        context: "a",
        fault: { kind: "rate", code: "concurrency_limited", status: 429, requestId: "r1" }
      }]
    )
  })
})

describe("Deepgram", () => {
  it("speaks, flushes, clears, and gives nothing until it has been cleared", () => {
    const wire = Deepgram.make()
    const audio = new Uint8Array([1, 2])
    assert.deepStrictEqual(parsed(wire.speak("a", "Hi", 0)), [{ type: "Speak", text: "Hi" }, { type: "Flush" }])
    assert.deepStrictEqual(wire.receive(json({ type: "Metadata", request_id: "r" })), [
      { _tag: "Identified", requestId: "r" }
    ])
    assert.deepStrictEqual(wire.receive(audio), [{ _tag: "Audio", context: "a", bytes: audio }])
    assert.deepStrictEqual(parsed(wire.cancel("a")), [{ type: "Clear" }])
    wire.speak("b", "You", 0)
    assert.deepStrictEqual(wire.receive(audio), [])
    assert.deepStrictEqual(wire.receive(json({ type: "Flushed", sequence_id: 0 })), [])
    assert.deepStrictEqual(wire.receive(json({ type: "Cleared", sequence_id: 1 })), [])
    assert.deepStrictEqual(wire.receive(audio), [{ _tag: "Audio", context: "b", bytes: audio }])
    assert.deepStrictEqual(wire.receive(json({ type: "Flushed", sequence_id: 2 })), [{ _tag: "Done", context: "b" }])
    assert.deepStrictEqual(wire.receive(json({ type: "Warning", code: "W", description: "…" })), [])
  })

  it("flushes no more than 20 times in 60 s", () => {
    const wire = Deepgram.make()
    for (let i = 0; i < 20; i++) {
      assert.isTrue(wire.hasCapacity(1_000 * i))
      wire.speak(`c${i}`, "Hi", 1_000 * i)
      assert.isFalse(wire.hasCapacity(1_000 * i))
      wire.receive(json({ type: "Flushed", sequence_id: i }))
    }
    assert.isFalse(wire.hasCapacity(59_999))
    assert.isTrue(wire.hasCapacity(60_000))
  })
})

describe("OpenAI", () => {
  it("asks for PCM, and leaves out what is not set", () => {
    assert.deepStrictEqual(SpeechProtocol.bodyOf({ model: "gpt-4o-mini-tts", voice: "marin" }, "Hi"), {
      model: "gpt-4o-mini-tts",
      voice: "marin",
      input: "Hi",
      response_format: "pcm",
      stream_format: "audio"
    })
  })

  it("tells an exhausted account from a rate limit, both of which are 429", () => {
    const tag = (code: string) =>
      VendorError.fromStatus("openai", {
        op: "test",
        status: 429,
        body: json({ error: { message: "secret words", type: code, param: null, code } })
      }, SpeechProtocol.codeKinds)._tag
    assert.strictEqual(tag("insufficient_quota"), "AuthorizationFailed")
    assert.strictEqual(tag("rate_limit_exceeded"), "RateLimitExceeded")
  })
})

describe("every wire", () => {
  const wires: { readonly [name: string]: () => TtsProtocol } = { elevenLabs, cartesia, deepgram: Deepgram.make }
  const Frame = Schema.Union([
    Schema.String,
    Schema.Uint8Array,
    Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json)).pipe(Schema.toEncoded)
  ])
  const keys = ["audio", "contextId", "context_id", "type", "data", "alignment", "word_timestamps", "error", "isFinal"]

  for (const [name, make] of Object.entries(wires)) {
    it.prop(`${name} accepts any frame, and reports nothing that was not requested`, [Frame], ([frame]) => {
      const wire = make()
      for (const event of wire.receive(frame)) assert.include(["Failed", "Identified"], event._tag)
    })

    it.prop(
      `${name} takes any value in any field`,
      [Schema.Literals(keys), Schema.Json],
      ([key, value]) => {
        const wire = make()
        wire.speak("c0", "Hi", 0)
        const message = { type: "chunk", contextId: "c0", context_id: "c0", [key]: value }
        for (const event of wire.receive(json(message))) {
          if (event._tag === "Words") {
            for (const { endMs, startMs } of event.words) assert.isTrue(startMs >= 0 && endMs >= startMs)
          }
        }
      }
    )
  }
})

describe("CharacterWords", () => {
  it.prop(
    "makes the words of a text, however it is cut, in order of time",
    [Schema.String, Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))],
    ([text, size]) => {
      const chars = [...text]
      const make = CharacterWords.make()
      const words = []
      for (let at = 0; at < chars.length; at += size) {
        const piece = chars.slice(at, at + size)
        words.push(...make.push({
          chars: piece,
          startsMs: piece.map((_, i) => 10 * i),
          durationsMs: piece.map(() => 10)
        }, 10 * at))
      }
      words.push(...make.flush())
      assert.deepStrictEqual(words.map((word) => word.text), text.split(/\s+/u).filter((word) => word !== ""))
      let reached = 0
      for (const { endMs, startMs } of words) {
        assert.isTrue(startMs >= reached && endMs >= startMs)
        reached = endMs
      }
    }
  )
})

describe("VoiceText", () => {
  it.prop(
    "splits a text into pieces that fit, and loses nothing",
    [Schema.String, Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 40 }))],
    ([seed, max]) => {
      const text = `${seed} 👋🏽 Well. ${seed}`.repeat(3).toWellFormed()
      const pieces = TextPieces.pieces(text, max)
      assert.strictEqual(pieces.join(""), text)
      for (const piece of pieces) {
        assert.isAtMost(piece.length, max)
        assert.isAbove(piece.length, 0)
        assert.isTrue(piece.isWellFormed())
      }
    }
  )

  it("prefers the end of a sentence, then of a word", () => {
    assert.deepStrictEqual(TextPieces.pieces("One two. Three four five.", 20), ["One two. Three four ", "five."])
    assert.deepStrictEqual(TextPieces.pieces("One two three. Four five.", 20), ["One two three.", " Four five."])
  })
})
