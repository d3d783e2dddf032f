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
  const talk = new BotProtocol(RATE, () => `reply-${++names}`, (event) => events.push(event))
  return {
    talk,
    events,
    tell: (...types: ReadonlyArray<string>) => {
      for (const type of types) talk.receive({ _tag: "Message", data: Rtvi.encode({ type }) })
    },
    say: (type: string, data: unknown) => talk.receive({ _tag: "Message", data: Rtvi.encode({ type, data }) }),
    audio: (ms = 40) => talk.receive(PipecatFrames.audio(new Int16Array(RATE * ms / 1_000).fill(7), RATE)),
    interrupt: () => talk.receive({ _tag: "Interruption" }),
    /** What happened, audio by its text alone; clears it. */
    happened: () =>
      events.splice(0).flatMap((event) =>
        event._tag === "ReplyAudio" ? event.text === "" ? [] : [`"${event.text}"`] : [event._tag]
      )
  }
}

describe("a bot's talk", () => {
  it("is a reply from its first audio to where it has stopped speaking", () => {
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
    // what may follow is nobody's
    audio()
    assert.deepStrictEqual(happened(), [])
  })

  it("goes on over pauses while more of it is in the making", () => {
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

  it("has the words that the model writes, in whatever pieces, once", () => {
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

  it("begins with a sound that is no synthesis, too, and loses nothing of it", () => {
    const { audio, events, tell } = bot()
    audio()
    assert.deepStrictEqual(events, [])
    tell("bot-started-speaking")
    audio()
    assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["ReplyStarted", "ReplyAudio", "ReplyAudio"])
  })

  it("is silent from an interruption on", () => {
    const { audio, happened, interrupt, say, tell } = bot()
    // the first turn brings one, though nothing is said
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

  it("ends an interrupted reply that never said to have stopped before the next", () => {
    const { audio, happened, interrupt, tell } = bot()
    tell("bot-llm-started")
    audio()
    tell("bot-started-speaking")
    interrupt()
    tell("bot-llm-started")
    audio()
    assert.deepStrictEqual(happened(), ["ReplyStarted", "ReplyEnded", "ReplyStarted"])
  })

  it("is stopped by us only while it is said", () => {
    const { audio, happened, talk, tell } = bot()
    tell("bot-llm-started")
    audio()
    tell("bot-started-speaking")
    assert.isFalse(talk.truncate("reply-0"))
    assert.isTrue(talk.truncate("reply-1"))
    assert.isFalse(talk.truncate("reply-1"))
    audio()
    tell("bot-stopped-speaking")
    assert.deepStrictEqual(happened(), ["ReplyStarted", "ReplyEnded"])
  })

  it("fails what is being said when the bot is lost", () => {
    const { audio, happened, talk, tell } = bot()
    talk.lost(lostError)
    tell("bot-llm-started")
    audio()
    talk.lost(lostError)
    assert.deepStrictEqual(happened(), ["ReplyStarted", "ReplyFailed"])
  })

  it("tells of a bot's faults, readiness and other rates", () => {
    const { events, say, talk, tell } = bot()
    tell("bot-ready")
    say("error", { error: "no model", fatal: false })
    say("error", { fatal: true })
    talk.receive(PipecatFrames.audio(new Int16Array(10), 16_000))
    assert.deepStrictEqual(events, [
      { _tag: "BotReady" },
      { _tag: "BotFault", message: "no model", fatal: false },
      { _tag: "BotFault", message: "an error without a message", fatal: true },
      { _tag: "OtherRate", sampleRate: 16_000 }
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
    "keeps replies apart, each begun and ended once, in any order of messages",
    [Schema.Array(Step)],
    ([steps]) => {
      const { audio, events, interrupt, say, talk, tell } = bot()
      let begun = 0
      for (const step of [...steps, "lost" as const]) {
        if (step === "audio") audio()
        else if (step === "interrupt") interrupt()
        else if (step === "truncate") talk.truncate(`reply-${begun}`)
        else if (step === "lost") talk.lost(lostError)
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

describe("a bot's words", () => {
  it("go with the audio in which they are spoken", () => {
    const words = new BotWordTiming()
    words.sentence("One two three.", 0)
    const heard: Array<string> = []
    for (let ms = 0; ms < 1_000; ms += 40) heard.push(words.take(ms))
    assert.deepStrictEqual(heard.flatMap((word, i) => word === "" ? [] : [[word, i * 40]]), [
      ["One", 0],
      ["two", 280],
      ["three.", 520]
    ])
    assert.strictEqual(words.rest(true), "")
  })

  it("are all told at the end of a reply that was spoken faster", () => {
    const words = new BotWordTiming()
    words.sentence("One two", 0)
    words.sentence("three.", 0)
    assert.strictEqual(words.take(0), "One")
    assert.strictEqual(words.rest(true), "two three.")
  })

  it("are each told once by a bot that tells sentences first and words then", () => {
    const words = new BotWordTiming()
    words.sentence("One two three.", 0)
    assert.strictEqual(words.take(300), "One two")
    for (const word of ["One", "two", "three."]) words.spoken(word)
    assert.strictEqual(words.take(400), "three.")
    words.sentence("Four.", 800)
    words.spoken("Four.")
    assert.strictEqual(words.take(900), "Four.")
    assert.strictEqual(words.rest(true), "")
  })
})

describe("where a bot waits", () => {
  const cases = [
    ["http://127.0.0.1:7860/start", "wss://127.0.0.1:7860/ws-client", "ws://127.0.0.1:7860/ws-client"],
    ["http://localhost:7860/start", "ws://localhost:7860/ws-client", "ws://localhost:7860/ws-client"],
    ["http://10.0.0.1/start", "wss://10.0.0.2:7860/ws", "wss://10.0.0.2:7860/ws"],
    ["http://10.0.0.1:7860/start", "wss://10.0.0.1:7861/ws", "wss://10.0.0.1:7861/ws"],
    ["https://10.0.0.1:7860/start", "wss://10.0.0.1:7860/ws", "wss://10.0.0.1:7860/ws"]
  ] as const
  for (const [asked, told, address] of cases) {
    it(`is ${address} when ${asked} says ${told}`, () => {
      assert.deepStrictEqual(addressOf(asked, told), Result.succeed(address))
    })
  }
  it("is no place of another protocol", () => {
    assert.isTrue(Result.isFailure(addressOf("http://localhost/start", "http://localhost/ws")))
    assert.isTrue(Result.isFailure(addressOf("http://localhost/start", "ws-client")))
  })
})
