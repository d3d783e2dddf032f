import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { ConnectionFailed } from "../../../src/BackendError.ts"
import { type BotEvent, BotProtocol } from "../../../src/engines/pipecat/BotProtocol.ts"
import { addressOf } from "../../../src/engines/pipecat/BotStart.ts"
import { BotWordTiming } from "../../../src/engines/pipecat/BotWordTiming.ts"
import * as PipecatFrames from "../../../src/wire/PipecatFrames.ts"
import * as Rtvi from "../../../src/wire/Rtvi.ts"

const RATE = 24_000
const lostError = new ConnectionFailed({ op: "test", message: "lost" })

const bot = () => {
  const events: Array<BotEvent> = []
  let names = 0
  const protocol = new BotProtocol(RATE, () => `reply-${++names}`, (event) => events.push(event))
  return {
    protocol,
    events,
    tell: (...types: ReadonlyArray<string>) => {
      for (const type of types) protocol.receive({ _tag: "Message", data: Rtvi.encode({ type }) })
    },
    say: (type: string, data: unknown) => protocol.receive({ _tag: "Message", data: Rtvi.encode({ type, data }) }),
    audio: (ms = 40) => protocol.receive(PipecatFrames.audio(new Int16Array(RATE * ms / 1_000).fill(7), RATE)),
    interrupt: () => protocol.receive({ _tag: "Interruption" }),
    /** The events since the last call, with audio reduced to its text. */
    happened: () =>
      events.splice(0).flatMap((event) =>
        event._tag === "ReplyAudio" ? event.text === "" ? [] : [`"${event.text}"`] : [event._tag]
      )
  }
}

describe("BotProtocol", () => {
  it("starts a reply with its first audio and ends it with bot-stopped-speaking", () => {
    const { audio, happened, say, tell } = bot()
    tell("user-started-speaking")
    say("user-transcription", { text: "hi", final: false })
    say("user-transcription", { text: "hi there", final: true })
    tell("user-stopped-speaking", "bot-llm-started")
    say("bot-transcription", { text: "Hello." })
    tell("bot-llm-stopped", "bot-tts-started", "bot-tts-stopped")
    assert.deepStrictEqual(happened(), [
      "UserSpeechStarted",
      "UserTranscript",
      "UserTranscript",
      "UserSpeechStopped"
    ])
    audio()
    tell("bot-started-speaking")
    for (let i = 0; i < 10; i++) audio()
    assert.deepStrictEqual(happened(), ["ReplyStarted", "\"Hello.\""])
    tell("bot-stopped-speaking")
    assert.deepStrictEqual(happened(), ["ReplyEnded"])
    // audio after that belongs to no reply
    audio()
    assert.deepStrictEqual(happened(), [])
  })

  it("continues a reply over pauses while the model or the synthesis runs", () => {
    const { audio, happened, tell } = bot()
    tell("bot-llm-started", "bot-tts-started")
    audio()
    tell("bot-started-speaking", "bot-tts-stopped", "bot-stopped-speaking", "bot-tts-started")
    audio()
    tell("bot-started-speaking", "bot-llm-stopped", "bot-tts-stopped")
    assert.deepStrictEqual(happened(), ["ReplyStarted"])
    tell("bot-stopped-speaking")
    assert.deepStrictEqual(happened(), ["ReplyEnded"])
  })

  it("sends the words of the model once, whatever the pieces", () => {
    const { audio, happened, say, tell } = bot()
    tell("bot-llm-started")
    for (const text of ["Hel", "lo", " the", "re, fri", "end"]) say("bot-llm-text", { text })
    say("bot-transcription", { text: "Hello there, friend" })
    tell("bot-llm-stopped", "bot-tts-started", "bot-tts-stopped")
    for (let i = 0; i < 20; i++) audio()
    tell("bot-started-speaking")
    for (let i = 0; i < 20; i++) audio()
    tell("bot-stopped-speaking")
    assert.deepStrictEqual(happened(), ["ReplyStarted", "\"Hello\"", "\"there,\"", "\"friend\"", "ReplyEnded"])
  })

  it("starts a reply with audio that is not synthesised, without losing any of it", () => {
    const { audio, events, tell } = bot()
    audio()
    assert.deepStrictEqual(events, [])
    tell("bot-started-speaking")
    audio()
    assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["ReplyStarted", "ReplyAudio", "ReplyAudio"])
  })

  it("drops audio after an interruption", () => {
    const { audio, happened, interrupt, say, tell } = bot()
    // the first turn sends one although the bot does not speak
    interrupt()
    tell("user-started-speaking", "bot-interrupted")
    assert.deepStrictEqual(happened(), ["UserSpeechStarted"])
    tell("bot-llm-started")
    say("bot-transcription", { text: "One two three four five." })
    audio()
    tell("bot-started-speaking")
    assert.deepStrictEqual(happened(), ["ReplyStarted", "\"One\""])
    interrupt()
    audio()
    tell("user-started-speaking", "bot-interrupted")
    audio()
    assert.deepStrictEqual(happened(), ["UserSpeechStarted"])
    tell("bot-stopped-speaking")
    assert.deepStrictEqual(happened(), ["ReplyEnded"])
    tell("bot-llm-started")
    audio()
    assert.deepStrictEqual(happened(), ["ReplyStarted"])
  })

  it("ends an interrupted reply without bot-stopped-speaking before the next", () => {
    const { audio, happened, interrupt, tell } = bot()
    tell("bot-llm-started")
    audio()
    tell("bot-started-speaking")
    interrupt()
    tell("bot-llm-started")
    audio()
    assert.deepStrictEqual(happened(), ["ReplyStarted", "ReplyEnded", "ReplyStarted"])
  })

  it("truncates only the reply that is being spoken", () => {
    const { audio, happened, protocol, tell } = bot()
    tell("bot-llm-started")
    audio()
    tell("bot-started-speaking")
    assert.isFalse(protocol.truncate("reply-0"))
    assert.isTrue(protocol.truncate("reply-1"))
    assert.isFalse(protocol.truncate("reply-1"))
    audio()
    tell("bot-stopped-speaking")
    assert.deepStrictEqual(happened(), ["ReplyStarted", "ReplyEnded"])
  })

  it("fails the current reply when the connection is lost", () => {
    const { audio, happened, protocol, tell } = bot()
    protocol.disconnected(lostError)
    tell("bot-llm-started")
    audio()
    protocol.disconnected(lostError)
    assert.deepStrictEqual(happened(), ["ReplyStarted", "ReplyFailed"])
  })

  it("reports readiness, errors and unexpected sample rates", () => {
    const { events, say, protocol, tell } = bot()
    tell("bot-ready")
    say("error", { error: "no model", fatal: false })
    say("error", { fatal: true })
    protocol.receive(PipecatFrames.audio(new Int16Array(10), 16_000))
    assert.deepStrictEqual(events, [
      { _tag: "BotReady" },
      { _tag: "BotError", message: "no model", fatal: false },
      { _tag: "BotError", message: "an error without a message", fatal: true },
      { _tag: "UnexpectedSampleRate", sampleRate: 16_000 }
    ])
  })

  const Step = Schema.Union([
    Schema.Literals([
      "audio",
      "interrupt",
      "truncate",
      "lost",
      "bot-llm-started",
      "bot-llm-stopped",
      "bot-tts-started",
      "bot-tts-stopped",
      "bot-started-speaking",
      "bot-stopped-speaking",
      "bot-interrupted",
      "user-started-speaking"
    ]),
    Schema.Struct({
      type: Schema.Literals(["bot-llm-text", "bot-transcription", "bot-output", "bot-tts-text"]),
      data: Schema.Json
    })
  ])

  it.prop(
    "starts and ends each reply once, one at a time, for any order of messages",
    [Schema.Array(Step)],
    ([steps]) => {
      const { audio, events, interrupt, say, protocol, tell } = bot()
      let begun = 0
      for (const step of [...steps, "lost" as const]) {
        if (step === "audio") audio()
        else if (step === "interrupt") interrupt()
        else if (step === "truncate") protocol.truncate(`reply-${begun}`)
        else if (step === "lost") protocol.disconnected(lostError)
        else if (typeof step === "string") tell(step)
        else say(step.type, step.data)
        begun = events.filter(({ _tag }) => _tag === "ReplyStarted").length
      }
      let open: string | undefined
      for (const event of events) {
        if (event._tag === "ReplyStarted") {
          assert.isUndefined(open)
          open = event.reply
        } else if ("reply" in event) {
          assert.strictEqual(event.reply, open)
          if (event._tag === "ReplyEnded" || event._tag === "ReplyFailed") open = undefined
        }
      }
      assert.isUndefined(open)
    }
  )
})

describe("BotWordTiming", () => {
  it("assigns words to the audio in which they are spoken", () => {
    const words = new BotWordTiming()
    words.planWords("One two three.", 0)
    const heard: Array<string> = []
    for (let ms = 0; ms < 1_000; ms += 40) heard.push(words.takeDue(ms))
    assert.deepStrictEqual(heard.flatMap((word, i) => word === "" ? [] : [[word, i * 40]]), [
      ["One", 0],
      ["two", 280],
      ["three.", 520]
    ])
    assert.strictEqual(words.takeRest(true), "")
  })

  it("sends the remaining words at the end of a reply that was spoken faster", () => {
    const words = new BotWordTiming()
    words.planWords("One two", 0)
    words.planWords("three.", 0)
    assert.strictEqual(words.takeDue(0), "One")
    assert.strictEqual(words.takeRest(true), "two three.")
  })

  it("sends each word once when a bot sends sentences first and words later", () => {
    const words = new BotWordTiming()
    words.planWords("One two three.", 0)
    assert.strictEqual(words.takeDue(300), "One two")
    for (const word of ["One", "two", "three."]) words.addSpoken(word)
    assert.strictEqual(words.takeDue(400), "three.")
    words.planWords("Four.", 800)
    words.addSpoken("Four.")
    assert.strictEqual(words.takeDue(900), "Four.")
    assert.strictEqual(words.takeRest(true), "")
  })
})

describe("addressOf", () => {
  const cases = [
    ["http://127.0.0.1:7860/start", "wss://127.0.0.1:7860/ws-client", "ws://127.0.0.1:7860/ws-client"],
    ["http://localhost:7860/start", "ws://localhost:7860/ws-client", "ws://localhost:7860/ws-client"],
    ["http://10.0.0.1/start", "wss://10.0.0.2:7860/ws", "wss://10.0.0.2:7860/ws"],
    ["http://10.0.0.1:7860/start", "wss://10.0.0.1:7861/ws", "wss://10.0.0.1:7861/ws"],
    ["https://10.0.0.1:7860/start", "wss://10.0.0.1:7860/ws", "wss://10.0.0.1:7860/ws"]
  ] as const
  for (const [asked, told, address] of cases) {
    it(`is ${address} when ${asked} returns ${told}`, () => {
      assert.deepStrictEqual(addressOf(asked, told), Result.succeed(address))
    })
  }
  it("rejects URLs that are not WebSocket URLs", () => {
    assert.isTrue(Result.isFailure(addressOf("http://localhost/start", "http://localhost/ws")))
    assert.isTrue(Result.isFailure(addressOf("http://localhost/start", "ws-client")))
  })
})
