import { assert, describe, it } from "@effect/vitest"
import { AgentError, ConnectionFailed } from "../../src/BackendError.ts"
import * as Conversation from "../../src/conversation/Conversation.ts"
import { defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import { Script } from "./Script.ts"

const failed = new AgentError({ op: "Agent.respond", message: "no idea", retryable: false })
const noInterruption = { interruption: { ...defaultPolicy.interruption, enabled: false } }
/** Only the length of a sound decides about an interruption. */
const bySound = {
  policy: { interruption: { ...defaultPolicy.interruption, ignoreBackchannels: false }, echoGuard: false }
}
const open = (overrides?: ConstructorParameters<typeof Script>[0]) => {
  const script = new Script(overrides).on({ _tag: "Started" })
  script.take()
  return script
}

describe("Conversation", () => {
  describe("the start", () => {
    it("greets when the agent speaks first", () => {
      const script = new Script({ policy: { greeting: "Hello." } }).on({ _tag: "Started" })
      assert.deepStrictEqual(script.take(), ["> Text 1: Hello.", "session.state processing"])
      script.audible().played("Hello.")
      assert.deepStrictEqual(script.take(), [
        "agent.speech_started 1",
        "session.state speaking",
        "end completed",
        "append agent 1",
        "agent.speech_stopped 1 completed Hello.",
        "session.state listening"
      ])
      assert.deepStrictEqual(script.historyLines, ["1 agent: Hello."])
    })

    it("waits when the user speaks first, and does not greet in a resumed conversation", () => {
      const waits = new Script({ policy: { greeting: "Hello.", firstSpeaker: "user" } }).on({ _tag: "Started" })
      assert.deepStrictEqual(waits.take(), ["session.state listening"])
      const resumed = new Script({ policy: { greeting: "Hello." } })
      resumed.state = Conversation.initial([
        { role: "user", turn: 3, kind: "speech", text: "hi", interrupted: false, atMs: 0 }
      ])
      resumed.on({ _tag: "Started" })
      assert.deepStrictEqual(resumed.take(), ["session.state listening"])
      resumed.asks("go on")
      assert.strictEqual(resumed.startCommands[0]?.turn, 4)
    })

    const owing = () => {
      const script = new Script()
      script.state = Conversation.initial(
        [{ role: "user", turn: 3, kind: "speech", text: "where is it", interrupted: false, atMs: 0 }],
        [{ _tag: "Answer", transcript: "where is it", kind: "speech", resumed: true }],
        3
      )
      return script.on({ _tag: "Started" })
    }

    it("answers once the question that was unanswered before a restart", () => {
      const script = owing()
      assert.deepStrictEqual(script.startCommands[0]?.history, [])
      assert.deepStrictEqual(script.take(), ["> Answer 3: where is it", "session.state processing"])
      script.audible().played("On its way.").asks("thanks", 2_000)
      assert.deepStrictEqual(script.historyLines, ["3 user: where is it", "3 agent: On its way.", "4 user: thanks"])
    })

    it("keeps a resumed question in its turn when the user speaks first", () => {
      const script = owing()
      script.starts(0).fires("confirm").stops(500).fires("endpoint").hears("hello?").audible().played("Yes?")
      assert.deepStrictEqual(script.historyLines, ["3 user: where is it", "4 user: hello?", "4 agent: Yes?"])
    })

    it("drops an inaudible greeting when the user speaks first, and starts only once", () => {
      const script = new Script({ policy: { greeting: "Hello." } }).on({ _tag: "Started" }, { _tag: "Started" })
      script.starts(0).fires("confirm").stops(500).fires("endpoint").hears("hi").audible().played("Yes?")
      assert.deepStrictEqual(script.historyLines, ["2 user: hi", "2 agent: Yes?"])
      assert.deepStrictEqual(script.state.queue, [])
    })

    it("ignores speech before the start", () => {
      const script = new Script().starts(0).on({ _tag: "UserText", text: "hi" }, { _tag: "EndOfTurn" })
      assert.deepStrictEqual(script.take(), [])
      assert.strictEqual(Conversation.publicState(script.state), "idle")
    })
  })

  describe("a turn", () => {
    it("lasts from the first speech to the end of the answer", () => {
      const script = open()
      script.starts(1_000)
      assert.deepStrictEqual(script.take(), ["user.speech_started", "+longest"])
      script.on({ _tag: "Interim", text: "what" }).after(500).stops(1_500)
      assert.deepStrictEqual(script.take(), ["user.transcript 1 what false", "user.speech_stopped", "+endpoint"])
      script.after(250).fires("endpoint")
      assert.deepStrictEqual(script.take(), ["-longest", "+finalize", "finalize 1500", "session.state processing"])
      script.after(100).hears("What time is it?")
      assert.deepStrictEqual(script.take(), [
        "user.transcript 1 What time is it? false",
        "-finalize",
        "user.transcript 1 What time is it? true",
        "append user 1",
        "> Answer 1: What time is it?"
      ])
      script.after(30).on({ _tag: "ReplyProgress", epoch: 1, stage: "agent" })
      script.after(20).on({ _tag: "ReplyProgress", epoch: 1, stage: "clause" })
      script.after(40).on({ _tag: "ReplyProgress", epoch: 1, stage: "tts" }).after(5).audible()
      const latency = script.events.find((event) => event.type === "turn.latency")
      assert.deepStrictEqual(latency, {
        type: "turn.latency",
        turn: 1,
        totalMs: 495,
        parts: [
          { name: "vad", ms: 50 },
          { name: "endpointing", ms: 250 },
          { name: "transcript", ms: 100 },
          { name: "agent", ms: 30 },
          { name: "clause", ms: 20 },
          { name: "tts", ms: 40 },
          { name: "playout", ms: 5 }
        ]
      })
      script.on({ _tag: "ReplyText", epoch: 1, text: "Noon." }).played("Noon.")
      assert.deepStrictEqual(script.historyLines, ["1 user: What time is it?", "1 agent: Noon."])
      assert.strictEqual(script.state.publishedState, "listening")
      assert.isFalse(script.events.some((event) => event.type === "turn.latency_exceeded"))
    })

    it("emits turn.latency_exceeded when the latency is above the target", () => {
      const script = open().speaks(0, 500).after(300).fires("endpoint").hears("hi").after(400).audible()
      assert.deepInclude(script.events, { type: "turn.latency_exceeded", turn: 1, totalMs: 750, targetMs: 500 })
    })

    it("sets its timers by the audio, and by the clock in case the audio stops", () => {
      const script = open().starts(1_000)
      assert.deepInclude(script.commands, {
        _tag: "SetTimer",
        name: "longest",
        id: 1,
        atSample: (1_000 + 60_000) * 16,
        afterMs: 60_120
      })
      script.stops(1_500)
      assert.deepInclude(script.commands, {
        _tag: "SetTimer",
        name: "endpoint",
        id: 2,
        atSample: 1_800 * 16,
        afterMs: 300 - 50 + 120
      })
    })

    it("continues after a pause", () => {
      const script = open().speaks(0, 500).on({ _tag: "Final", text: "I would like" })
      const stale = script.state.timers.endpoint ?? -1
      script.starts(700).on({ _tag: "TimerFired", name: "endpoint", id: stale, atSample: 900 * 16 })
      assert.strictEqual(script.state.user._tag, "Speaking")
      script.stops(1_200).fires("endpoint").hears("a coffee.")
      assert.strictEqual(script.startCommands.length, 1)
      assert.deepStrictEqual(script.historyLines, ["1 user: I would like a coffee."])
    })

    it("continues when the user speaks again before the final transcript", () => {
      const script = open().speaks(0, 500).fires("endpoint").starts(900)
      const late = script.state.finalizeId
      script.on({ _tag: "Final", text: "wait" }, { _tag: "Finalized", id: late })
      assert.deepStrictEqual(script.historyLines, [])
      script.stops(1_500).fires("endpoint")
      script.on({ _tag: "Finalized", id: late })
      assert.deepStrictEqual(script.historyLines, [], "the answer to a former question is no answer to this one")
      script.hears("a moment")
      assert.deepStrictEqual(script.historyLines, ["1 user: wait a moment"])
    })

    it("is not opened by noise without a transcript", () => {
      const script = open().speaks(0, 200).fires("endpoint")
      script.take()
      script.on({ _tag: "Finalized", id: script.state.finalizeId })
      assert.deepStrictEqual(script.take(), ["-finalize", "session.state listening"])
      assert.strictEqual(script.state.turn, 0)
    })

    it("is completed with the interim transcript when the final one does not come", () => {
      const script = open().starts(0).on({ _tag: "Final", text: "one" }, { _tag: "Interim", text: "two" })
      script.stops(500).fires("endpoint").fires("finalize")
      assert.deepStrictEqual(script.historyLines, ["1 user: one two"])
      assert.deepStrictEqual(script.state.timers, {})
    })

    it("is answered after longestTurn, and the next speech is a new turn with the same limit", () => {
      const script = open().starts(0).on({ _tag: "Final", text: "on and on" }).fires("longest", 960_000)
      assert.include(script.take(), "finalize 60000")
      script.hears("")
      assert.deepStrictEqual(script.historyLines, ["1 user: on and on"])
      assert.deepStrictEqual(script.state.user, { _tag: "Speaking", sinceSample: 960_000 })
      assert.isDefined(script.state.timers.longest)
      script.audible().played("Stop.").on({ _tag: "Final", text: "and on" }).stops(70_000).fires("endpoint").hears("")
      assert.deepStrictEqual(script.historyLines, ["1 user: on and on", "1 agent: Stop.", "2 user: and on"])
    })

    it("that reached longestTurn still emits user.speech_stopped", () => {
      const script = open().starts(0).on({ _tag: "Final", text: "a b" }).fires("longest").stops(60_500)
      assert.include(script.take(), "user.speech_stopped")
      script.hears("")
      assert.deepStrictEqual(script.state.user, { _tag: "Quiet" })
    })
  })

  describe("speech before the answer is audible", () => {
    it("belongs to the same turn", () => {
      const script = open(bySound).asks("Book a table").starts(1_000)
      assert.include(script.take(), "hold")
      script.fires("confirm")
      assert.deepStrictEqual(script.take(), ["end interrupted", "withdraw 1"])
      assert.deepStrictEqual(script.historyLines, [])
      script.stops(2_000).fires("endpoint").hears("for two.").audible().played("Done.")
      assert.deepStrictEqual(script.historyLines, ["1 user: Book a table for two.", "1 agent: Done."])
      assert.notInclude(script.take(), "playout.clear 1")
    })

    it("belongs to the same turn, even if it is too short to interrupt", () => {
      const script = open().asks("Book a table").speaks(1_000, 1_100).fires("endpoint").hears("now.")
      assert.deepStrictEqual(script.historyLines, ["1 user: Book a table now."])
      assert.deepStrictEqual(script.startCommands.map((start) => start.turn), [1, 1])
      assert.deepStrictEqual(script.startCommands[1]?.history, [], "the withdrawn question is not in the history")
    })

    it("does not withdraw a typed turn", () => {
      const script = open().on({ _tag: "UserText", text: "typed" }).asks("spoken").audible().played("Both.")
      assert.deepStrictEqual(script.historyLines, ["1 user(text): typed", "2 user: spoken", "2 agent: Both."])
    })

    it("delays queued text", () => {
      const script = open().on({ _tag: "Say", source: { _tag: "Text", text: "News.", optional: false } })
      script.speaks(0, 100).fires("endpoint").hears("hi")
      assert.deepStrictEqual(script.state.queue, [{ _tag: "Text", text: "News.", optional: false }])
      script.audible().played("Hi.").audible().played("News.")
      assert.deepStrictEqual(script.historyLines, ["2 user: hi", "2 agent: Hi.", "3 agent: News."])
    })
  })

  describe("an interruption", () => {
    const speaking = (overrides?: ConstructorParameters<typeof Script>[0]) => {
      const script = open(overrides).asks("Count.").audible()
      script.heard = "One two"
      script.take()
      return script
    }

    it("pauses the agent at once, and ends its speech when it lasts", () => {
      const script = speaking(bySound).starts(2_000)
      assert.deepStrictEqual(script.take(), [
        "user.speech_started",
        "+longest",
        "hold",
        "playout.clear 1",
        "agent.speech_paused 1",
        "+confirm",
        "session.state listening"
      ])
      script.fires("confirm")
      assert.deepStrictEqual(script.take(), [
        "end interrupted",
        "append agent 1",
        "agent.speech_stopped 1 interrupted One two"
      ])
      assert.deepStrictEqual(script.historyLines, ["1 user: Count.", "1 agent: One two …"])
      script.stops(2_500).fires("endpoint").hears("Stop.")
      assert.deepStrictEqual(script.startCommands[0]?.history.map((item) => item.text), ["Count.", "One two"])
    })

    it("by a short noise lets the agent resume", () => {
      const script = speaking().starts(2_000)
      script.take()
      script.stops(2_100)
      assert.deepStrictEqual(script.take(), [
        "user.speech_stopped",
        "-confirm",
        "release",
        "agent.speech_resumed 1",
        "+endpoint",
        "session.state speaking"
      ])
      script.fires("endpoint").hears("").played("One two three.")
      assert.deepStrictEqual(script.historyLines, ["1 user: Count.", "1 agent: One two three."])
    })

    it("does not happen by words that were shorter than minSpeech: they are answered after the reply", () => {
      for (const overrides of [{}, bySound]) {
        const script = speaking(overrides).speaks(2_000, 2_190).fires("endpoint").hears("Stop.")
        assert.strictEqual(script.state.user._tag, "Waiting")
        script.played("One two three.")
        assert.deepStrictEqual(script.historyLines, ["1 user: Count.", "1 agent: One two three.", "2 user: Stop."])
      }
    })

    it("by words that were long enough ends the answer when their transcript comes", () => {
      const script = speaking().speaks(2_000, 2_200).fires("endpoint").hears("Stop.")
      assert.deepStrictEqual(script.historyLines, ["1 user: Count.", "1 agent: One two …", "2 user: Stop."])
    })

    it("counts all sounds of the turn, and keeps the words of one that was too short for the next", () => {
      const script = speaking().speaks(2_000, 2_120).speaks(2_250, 2_370).fires("endpoint").hears("No, no.")
      assert.strictEqual(script.historyLines.at(-1), "2 user: No, no.")
      const next = speaking().speaks(2_000, 2_120).fires("endpoint").hears("No.").speaks(4_000, 4_600)
      next.fires("endpoint").hears("Not that.")
      assert.deepStrictEqual(next.historyLines.slice(1), ["1 agent: One two …", "2 user: No. Not that."])
    })

    it("that is long enough when it is detected ends the answer without a pause", () => {
      const script = speaking(bySound)
      // the detector takes 50 ms to report an end
      script.on({ _tag: "SpeechStarted", atSample: 0, decidedAtSample: 250 * 16 })
      assert.deepStrictEqual(script.take(), [
        "user.speech_started",
        "+longest",
        "end interrupted",
        "playout.clear 1",
        "append agent 1",
        "agent.speech_stopped 1 interrupted One two",
        "session.state listening"
      ])
    })

    it("that is disabled lets the turn wait for the end of the answer", () => {
      const script = speaking({ policy: noInterruption }).asks("Stop.", 2_000)
      assert.notInclude(script.take(), "hold")
      assert.strictEqual(script.state.user._tag, "Waiting")
      script.played("One two three.")
      assert.deepStrictEqual(script.historyLines, ["1 user: Count.", "1 agent: One two three.", "2 user: Stop."])
    })

    it("that is disabled lets later words join the waiting turn", () => {
      const script = speaking({ policy: noInterruption }).asks("Stop", 2_000).asks("it.", 4_000).played("Three.")
      assert.deepStrictEqual(script.historyLines, ["1 user: Count.", "1 agent: Three.", "2 user: Stop it."])
    })

    it("by typed text works at once", () => {
      const script = speaking().on({ _tag: "UserText", text: "  stop " })
      assert.deepStrictEqual(script.take(), [
        "end interrupted",
        "playout.clear 1",
        "append agent 1",
        "agent.speech_stopped 1 interrupted One two",
        "user.transcript 2 stop true",
        "append user 2",
        "> Answer 2: stop",
        "session.state processing"
      ])
    })

    it("by the client stops the agent whatever the policy, and does nothing when it is silent", () => {
      const script = speaking({ policy: noInterruption }).on({ _tag: "Interrupt", force: false })
      assert.include(script.take(), "end interrupted")
      script.on({ _tag: "Interrupt", force: false })
      assert.deepStrictEqual(script.take(), [])
    })
  })

  it("takes a final transcript once, unless the user has spoken since, and ignores an empty one", () => {
    const final = (text: string) => ({ _tag: "Final", text }) as const
    const told = open().starts(0).on(final("No."), final("no"), final("")).stops(400)
    told.fires("endpoint").on(final("No"), { _tag: "Finalized", id: 1 }, final("No."))
    assert.deepStrictEqual(told.historyLines, ["1 user: No."])
    assert.deepStrictEqual(told.state.openTranscript, { finals: "", interim: "" })
    const again = open().speaks(0, 200).on(final("five")).speaks(300, 500).on(final("five")).fires("endpoint")
    again.on({ _tag: "Finalized", id: 1 })
    assert.deepStrictEqual(again.historyLines, ["1 user: five five"])
    const known = open({ interimTranscripts: true }).starts(0).interim("yes").stops(400).fires("endpoint").hears("")
    assert.deepStrictEqual(known.historyLines, ["1 user: yes"])
  })

  it("says queued texts one after the other when the user is quiet", () => {
    const script = open(bySound)
    script.on({ _tag: "Say", source: { _tag: "Text", text: "One.", optional: false } })
    script.on({ _tag: "Say", source: { _tag: "Audio", key: 7 } })
    assert.deepStrictEqual(script.take(), ["> Text 1: One.", "session.state processing"])
    script.audible().starts(0).fires("confirm")
    script.heard = "One."
    script.take()
    script.stops(400).fires("endpoint").hears("")
    assert.include(script.take(), "> Audio 2: 7")
    script.audible().played("")
    assert.deepStrictEqual(script.historyLines, ["2 agent(audio): "])
  })

  describe("the end", () => {
    it("of a drain comes after the turn in flight and the goodbye", () => {
      const script = open({ policy: { goodbye: "Bye." } }).starts(0).on({ _tag: "Drain", reason: "drained" })
      script.stops(500).fires("endpoint").hears("One more?").audible().played("Sure.")
      assert.include(script.take(), "> Text 2: Bye.")
      script.starts(5_000).on({ _tag: "UserText", text: "hello?" })
      assert.notInclude(script.take(), "hold")
      script.audible().played("Bye.")
      assert.deepStrictEqual(script.take().slice(-3), [
        "session.state closed",
        "session.ended drained",
        "close drained"
      ])
      assert.deepStrictEqual(script.historyLines, ["1 user: One more?", "1 agent: Sure.", "2 agent: Bye."])
    })

    it("of a drain is immediate when nothing is in flight or the conversation has not started", () => {
      assert.deepStrictEqual(open().on({ _tag: "Drain", reason: "closed" }).take(), [
        "session.state closed",
        "session.ended closed",
        "close closed"
      ])
      assert.deepStrictEqual(
        new Script({ policy: { goodbye: "Bye." } }).on({ _tag: "Drain", reason: "closed" }).take(),
        [
          "session.state closed",
          "session.ended closed",
          "close closed"
        ]
      )
    })

    it("by a close cuts the agent off, keeps the played text, and is final", () => {
      const script = open().asks("Count.").audible()
      script.heard = "One"
      script.take()
      script.on({ _tag: "Close", reason: "user_ended" })
      assert.deepStrictEqual(script.take(), [
        "end interrupted",
        "playout.clear 1",
        "append agent 1",
        "agent.speech_stopped 1 interrupted One",
        "session.state closed",
        "session.ended user_ended",
        "close user_ended"
      ])
      script.starts(0).asks("hello").on({ _tag: "Close", reason: "failed" }, { _tag: "Started" })
      assert.deepStrictEqual(script.take(), [])
    })

    it("of the input completes the open turn", () => {
      for (const paused of [false, true]) {
        const script = open({ policy: { goodbye: "Bye." } }).starts(0)
        if (paused) script.stops(400)
        script.on({ _tag: "InputEnded", atSample: 8_000 })
        assert.strictEqual(script.state.user._tag, "Finalizing")
        script.hears("Hi.").audible().played("Hello.")
        assert.deepStrictEqual(script.historyLines, ["1 user: Hi.", "1 agent: Hello."])
        assert.deepInclude(script.events, { type: "session.ended", reason: "input_ended" })
      }
    })
  })

  describe("failures", () => {
    it("are emitted; the apology follows at once when there is nothing to play", () => {
      const script = open().asks("Why?")
      script.take()
      script.on({ _tag: "ReplyFailed", epoch: 1, error: failed })
      assert.deepStrictEqual(script.take(), ["error agent_error the agent failed"])
      script.on({ _tag: "ReplyPlayed", epoch: 1 })
      assert.deepStrictEqual(script.take(), [
        "end failed",
        "turn.unanswered 1 failed",
        `> Text 2: ${defaultPolicy.apology}`
      ])
      script.audible().played(defaultPolicy.apology)
      assert.deepStrictEqual(script.historyLines, ["1 user: Why?", `2 agent: ${defaultPolicy.apology}`])
    })

    it("let what was made of the answer be played, and the client keep it; the apology follows", () => {
      const script = open().asks("Why?").audible()
      script.take()
      script.on({ _tag: "ReplyFailed", epoch: 1, error: failed })
      assert.deepStrictEqual(script.take(), ["error agent_error the agent failed"])
      script.played("Because.")
      assert.deepStrictEqual(script.take(), [
        "end failed",
        "append agent 1",
        "agent.speech_stopped 1 failed Because.",
        `> Text 2: ${defaultPolicy.apology}`,
        "session.state processing"
      ])
      assert.deepStrictEqual(script.historyLines, ["1 user: Why?", "1 agent: Because. …"])
    })

    it("are followed by nothing without an apology", () => {
      const script = open({ policy: { apology: "" } }).asks("Why?").audible()
      script.on({ _tag: "ReplyFailed", epoch: 1, error: failed })
      script.take()
      script.played("Because.")
      assert.deepStrictEqual(script.take(), [
        "end failed",
        "append agent 1",
        "agent.speech_stopped 1 failed Because.",
        "session.state listening"
      ])
    })

    it("get no second apology when the apology fails", () => {
      const script = open().asks("Why?").on(
        { _tag: "ReplyFailed", epoch: 1, error: failed },
        { _tag: "ReplyPlayed", epoch: 1 }
      )
      script.take()
      script.on({ _tag: "ReplyFailed", epoch: 2, error: failed }, { _tag: "ReplyPlayed", epoch: 2 })
      assert.deepStrictEqual(script.take(), [
        "error agent_error the agent failed",
        "end failed",
        "session.state listening"
      ])
    })

    it("are followed by no apology once the user has interrupted the rest", () => {
      const script = open().asks("Why?").audible().on({ _tag: "ReplyFailed", epoch: 1, error: failed })
      script.heard = "Because"
      script.on({ _tag: "Interrupt", force: false })
      script.take()
      script.on({ _tag: "ReplyPlayed", epoch: 1 })
      assert.deepStrictEqual(script.take(), [])
      assert.deepStrictEqual(script.historyLines, ["1 user: Why?", "1 agent: Because …"])
    })

    it("are followed by no apology while the user speaks, who gets an answer instead", () => {
      const interruption = { ...defaultPolicy.interruption, enabled: false }
      const script = open({ policy: { interruption } }).asks("Why?").audible()
      script.on({ _tag: "ReplyFailed", epoch: 1, error: failed }).starts(2_000)
      script.take()
      script.played("Because.")
      assert.notInclude(script.take().join(), defaultPolicy.apology)
      script.stops(2_500).fires("endpoint").hears("And then?")
      assert.include(script.take(), "> Answer 2: And then?")
    })

    it("are followed by the apology after a sound that was no interruption", () => {
      const script = open({ interimTranscripts: true }).asks("Why?").audible()
      script.on({ _tag: "ReplyFailed", epoch: 1, error: failed }).starts(2_000).interim("mhm").stops(2_200)
      script.fires("endpoint").hears("mhm")
      script.take()
      script.played("Because.")
      assert.include(script.take(), `> Text 2: ${defaultPolicy.apology}`)
    })

    it("of a text that the application says are followed by no apology", () => {
      const script = open().on({ _tag: "Say", source: { _tag: "Text", text: "News.", optional: false } }).audible()
      script.on({ _tag: "ReplyFailed", epoch: 1, error: failed })
      script.take()
      script.played("News")
      assert.deepStrictEqual(script.take(), [
        "end failed",
        "append agent 1",
        "agent.speech_stopped 1 failed News",
        "session.state listening"
      ])
    })

    it("set the state to error while a required engine is down", () => {
      const script = open()
      const error = new ConnectionFailed({ op: "SpeechToText.events", message: "gone" })
      script.on({ _tag: "EngineDown", engine: "stt", error }, { _tag: "EngineDown", engine: "stt", error })
      assert.deepStrictEqual(script.take(), [
        "error connection_failed a service that the server needs could not be reached",
        "session.state error",
        "error connection_failed a service that the server needs could not be reached"
      ])
      script.on({ _tag: "EngineUp", engine: "other" })
      assert.deepStrictEqual(script.take(), [])
      script.on({ _tag: "EngineUp", engine: "stt" })
      assert.deepStrictEqual(script.take(), ["session.state listening"])
    })
  })

  it("ignores stale inputs", () => {
    const script = open().asks("One.").audible().played("Yes.").asks("Two.", 2_000)
    const before = script.state
    script.take()
    script.on(
      { _tag: "ReplyAudible", epoch: 1 },
      { _tag: "ReplyText", epoch: 1, text: "no" },
      { _tag: "ReplyPlayed", epoch: 1 },
      { _tag: "ReplyFailed", epoch: 1, error: failed },
      { _tag: "ReplyEnded", epoch: 1, text: "no" },
      { _tag: "ReplyEnded", epoch: 2, text: "not ended" },
      { _tag: "ReplyProgress", epoch: 1, stage: "tts" },
      { _tag: "TimerFired", name: "endpoint", id: 1, atSample: 0 },
      { _tag: "Finalized", id: 1 },
      { _tag: "EndOfTurn" },
      { _tag: "UserText", text: " \n" }
    )
    assert.deepStrictEqual(script.take(), [])
    assert.strictEqual(script.state, before)
  })

  describe("when the recogniser is the turn authority", () => {
    it("ends a turn at its end-of-turn event, without waiting for silence", () => {
      const script = open({ turnAuthority: "stt" }).starts(0).on({ _tag: "Final", text: "Hi." }, { _tag: "EndOfTurn" })
      assert.deepStrictEqual(script.historyLines, ["1 user: Hi."])
      assert.deepStrictEqual(script.state.timers, {})
    })

    it("ends a turn after 3 s of silence without the event", () => {
      const script = open({ turnAuthority: "stt" }).speaks(0, 500)
      assert.deepInclude(script.commands, {
        _tag: "SetTimer",
        name: "endpoint",
        id: 2,
        atSample: 3_500 * 16,
        afterMs: 3_000 - 50 + 120
      })
      script.on({ _tag: "Final", text: "Hi." })
      script.take()
      script.fires("endpoint")
      assert.include(script.take(), "finalize 500", "it may have more to say of what it has not finished")
      script.hears("There.")
      assert.deepStrictEqual(script.historyLines, ["1 user: Hi. There."])
    })

    it("lets a transcript without voice activity interrupt, and limits its turn", () => {
      const script = open({ turnAuthority: "stt", interimTranscripts: true }).starts(0)
      script.on({ _tag: "Final", text: "Count." }, { _tag: "EndOfTurn" }).audible()
      script.heard = "One"
      script.take()
      // the recogniser was wrong: the user continues, without new voice activity
      script.on({ _tag: "Interim", text: "to ten" })
      assert.includeMembers([...script.take()], ["end interrupted", "+endpoint", "+longest"])
      script.stops(2_000)
      assert.strictEqual(script.state.user._tag, "Paused")
      script.fires("endpoint", 32_000)
      assert.include(script.take(), "finalize 2000")
      script.hears("To ten.")
      assert.deepStrictEqual(script.historyLines, ["1 user: Count.", "1 agent: One …", "2 user: To ten."])
    })

    it("takes the same words of a soft voice again as the answer to what the agent has said since", () => {
      const yes = [{ _tag: "Final", text: "Yes." }, { _tag: "EndOfTurn" }] as const
      const script = open({ turnAuthority: "stt" }).on(...yes, ...yes)
      script.audible().played("Do you want tea?").on(...yes)
      script.audible().played("With milk?").on(...yes)
      assert.deepStrictEqual(script.historyLines, [
        "1 user: Yes.",
        "1 agent: Do you want tea?",
        "2 user: Yes.",
        "2 agent: With milk?",
        "3 user: Yes."
      ])
    })

    it("does not open a turn for an echo without voice activity", () => {
      const script = open({ turnAuthority: "stt", interimTranscripts: true }).starts(0)
      script.on({ _tag: "Final", text: "Count." }, { _tag: "EndOfTurn" }).audible()
      script.on({ _tag: "ReplyText", epoch: 1, text: "One two three four." })
      script.take()
      script.on({ _tag: "Interim", text: "two" }, { _tag: "Interim", text: "two three four" }, { _tag: "EndOfTurn" })
      assert.notInclude(script.take(), "end interrupted")
      assert.strictEqual(script.state.agent._tag, "Active")
    })

    it("ignores an end-of-turn event about an earlier turn", () => {
      const script = open({ turnAuthority: "stt" }).starts(0)
      script.take()
      script.on({ _tag: "EndOfTurn" })
      assert.deepStrictEqual(script.take(), [])
      assert.strictEqual(script.state.user._tag, "Speaking")
    })

    it("opens no new turn while the conversation drains", () => {
      const script = open({ turnAuthority: "stt" }).on({ _tag: "UserText", text: "one" }).audible()
      script.on({ _tag: "Drain", reason: "drained" }, { _tag: "Final", text: "Two." }, { _tag: "EndOfTurn" })
      script.played("Yes.")
      assert.strictEqual(script.state.lifecycle._tag, "Closed")
      assert.deepStrictEqual(script.historyLines, ["1 user(text): one", "1 agent: Yes."])
    })

    it("is ignored when it is not the turn authority", () => {
      const script = open().starts(0).on({ _tag: "Final", text: "Hi." })
      script.take()
      script.on({ _tag: "EndOfTurn" })
      assert.deepStrictEqual(script.take(), [])
    })
  })

  describe("when the model is the turn authority", () => {
    const remote = () => open({ turnAuthority: "remote", transcriptBased: false })

    it("awaits its reply to the user's turn, and plays it like any other", () => {
      const script = remote().starts(0)
      script.take()
      script.stops(500)
      assert.deepStrictEqual(script.take(), [
        "user.speech_stopped",
        "-longest",
        "+finalize",
        "session.state processing"
      ])
      script.on({ _tag: "UserText", text: "" }).after(100).on({ _tag: "ModelReplyStarted", reply: "r1" })
      assert.deepStrictEqual(script.take(), ["-finalize", "> ModelInitiated 1: r1"])
      script.audible()
      assert.isTrue(script.events.some((event) => event.type === "turn.latency" && event.totalMs === 150))
    })

    it("assigns late transcripts to the turn that they belong to", () => {
      for (const when of ["before", "during", "after"]) {
        const script = remote().speaks(0, 500)
        const words = () => script.on({ _tag: "Interim", text: "h" }, { _tag: "Final", text: "hi" })
        if (when === "before") words()
        script.on({ _tag: "ModelReplyStarted", reply: "r1" }).audible()
        if (when === "during") words()
        script.played("Hello.")
        if (when === "after") words()
        assert.deepStrictEqual(script.historyLines, ["1 user: hi", "1 agent: Hello."], when)
        script.speaks(2_000, 2_500).on({ _tag: "Final", text: "more" }, { _tag: "ModelReplyStarted", reply: "r2" })
        assert.include(script.historyLines, "2 user: more", when)
      }
    })

    it("assigns the transcript of a turn whose reply failed to it, during the apology and after it", () => {
      for (const when of ["during", "after"]) {
        const script = remote().speaks(0, 500).on({ _tag: "ModelReplyStarted", reply: "r1" })
        script.on({
          _tag: "ReplyFailed",
          epoch: 1,
          error: new ConnectionFailed({ op: "test", message: "gone" })
        }).on({ _tag: "ReplyPlayed", epoch: 1 }).audible()
        if (when === "during") script.on({ _tag: "Final", text: "hi" })
        script.played("Sorry.")
        if (when === "after") script.on({ _tag: "Final", text: "hi" })
        assert.deepStrictEqual(script.historyLines, ["1 user: hi", "2 agent: Sorry."], when)
      }
    })

    it("appends no item without text", () => {
      const script = remote().speaks(0, 500).on({ _tag: "Interim", text: "hm" }, { _tag: "Final", text: " " })
      assert.deepStrictEqual(script.historyLines, [])
    })

    it("listens again when the model does not answer", () => {
      const script = remote().speaks(0, 500).fires("finalize")
      assert.deepStrictEqual(script.state.user, { _tag: "Quiet" })
      assert.strictEqual(script.state.publishedState, "listening")
      script.take()
      script.on({ _tag: "EndOfTurn" })
      assert.deepStrictEqual(script.take(), [])
    })

    it("is interrupted at the start of the user's speech", () => {
      const script = remote().speaks(0, 500).on({ _tag: "ModelReplyStarted", reply: "r1" }).audible()
      script.take()
      script.starts(2_000)
      assert.include(script.take(), "end interrupted")
    })

    it("completes the turn in flight when it drains or its input ends", () => {
      for (const ending of [{ _tag: "Drain", reason: "drained" }, { _tag: "InputEnded", atSample: 8_000 }] as const) {
        for (const stopped of [true, false]) {
          const script = remote().starts(0)
          if (stopped) script.stops(500)
          script.on(ending)
          if (!stopped && ending._tag === "Drain") script.stops(500)
          assert.notStrictEqual(script.state.lifecycle._tag, "Closed")
          script.on({ _tag: "ModelReplyStarted", reply: "r1" }).audible().played("Hello.")
          assert.deepStrictEqual(script.historyLines, ["1 agent: Hello."])
          assert.strictEqual(script.state.lifecycle._tag, "Closed")
        }
      }
    })
  })

  it("asks a model to answer audio without a transcript", () => {
    const script = open({ transcriptBased: false }).speaks(0, 500)
    script.take()
    script.fires("endpoint")
    assert.deepStrictEqual(script.take(), ["-longest", "> Answer 1: ", "session.state processing"])
    assert.deepStrictEqual(script.historyLines, [])
  })

  it("keeps questions that come while a reply is ending", () => {
    const script = open().asks("One").audible()
    const ending = Conversation.step(script.options, script.state, { _tag: "UserText", text: "two", atMs: 1 })
    const another = Conversation.step(script.options, ending.state, { _tag: "UserText", text: "three", atMs: 1 })
    script.state = another.state
    script.take()
    script.on({ _tag: "ReplyEnded", epoch: 1, text: "" })
    assert.include(script.take(), "> Answer 2: two three")
  })

  it("takes no more time for a transcript when the open turn is full", () => {
    const script = open({ interimTranscripts: true }).speaks(0, 500)
    const measure = (from: number) => {
      // of this thread alone: the machine may be busy
      const before = process.threadCpuUsage()
      for (let i = from; i < from + 1_000; i++) script.on({ _tag: "Final", text: `word${i} `.repeat(40) })
      return process.threadCpuUsage(before).user / 1_000
    }
    measure(0)
    assert.isBelow(measure(1_000), 1_000)
  })
})
