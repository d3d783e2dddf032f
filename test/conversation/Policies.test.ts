import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { AgentError } from "../../src/BackendError.ts"
import * as Conversation from "../../src/conversation/Conversation.ts"
import { type ConversationPolicy, defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import { TIMER_GRACE_MS } from "../../src/conversation/machine/Step.ts"
import { Script } from "./Script.ts"

type Overrides = NonNullable<ConstructorParameters<typeof Script>[0]>

const failed = new AgentError({ op: "Agent.respond", message: "no idea", retryable: false })
const interruption = (patch: Partial<ConversationPolicy["interruption"]>) => ({
  interruption: { ...defaultPolicy.interruption, ...patch }
})
const endpointing = (patch: Partial<ConversationPolicy["endpointing"]>) => ({
  endpointing: { ...defaultPolicy.endpointing, ...patch }
})
const open = (overrides: Overrides = {}) => {
  const script = new Script({ interimTranscripts: true, ...overrides }).on({ _tag: "Started" })
  script.take()
  return script
}
/** The agent says "One two three four five.", audibly. */
const speaking = (overrides?: Overrides) => {
  const script = open(overrides)
  if (overrides?.turnAuthority === "stt") {
    script.starts(0).on({ _tag: "Final", text: "Count." }, { _tag: "EndOfTurn" }).audible()
  } else {
    script.asks("Count.").audible()
  }
  script.on({ _tag: "ReplyText", epoch: script.state.epoch, text: "One two three four five." })
  script.heard = "One two"
  script.take()
  return script
}
const timer = (script: Script, name: string) =>
  script.commands.findLast((command) => command._tag === "SetTimer" && command.name === name)
const typesOf = (script: Script) => script.events.map((event) => event.type)
const news = { _tag: "Say", source: { _tag: "Text", text: "News.", optional: false } } as const
const notice = {
  _tag: "Say",
  source: { _tag: "Text", text: "This call is recorded.", optional: false, uninterruptible: true }
} as const

describe("Interruption by transcript", () => {
  it("does not happen for a backchannel: the agent resumes, and nothing is asked or appended", () => {
    const script = speaking().starts(2_000)
    assert.includeMembers([...script.take()], ["hold", "agent.speech_paused 1"])
    script.interim("Mhm").stops(2_150)
    assert.includeMembers([...script.take()], ["release", "agent.speech_resumed 1"])
    script.fires("endpoint").hears("Mhm.")
    assert.include(script.take(), "user.backchannel Mhm.")
    script.played("One two three four five.")
    assert.deepStrictEqual(script.historyLines, ["1 user: Count.", "1 agent: One two three four five."])
    assert.strictEqual(script.state.publishedState, "listening")
    assert.deepStrictEqual(script.state.openTranscript, { finals: "", interim: "" })
  })

  it("does not happen for a long backchannel, whether its transcript comes during or after it", () => {
    for (const late of [true, false]) {
      const script = speaking().starts(2_000)
      if (!late) script.interim("right right")
      script.fires("confirm")
      assert.strictEqual(script.state.agent._tag, "Held", "sound alone does not decide")
      script.stops(2_600)
      if (late) script.interim("right right")
      assert.strictEqual(script.state.agent._tag, late ? "Active" : "Held")
      script.fires("endpoint").hears("Right, right.")
      assert.strictEqual(script.state.agent._tag, "Active")
      assert.strictEqual(script.events.filter((event) => event.type === "agent.speech_resumed").length, 1)
      assert.deepStrictEqual(script.historyLines, ["1 user: Count."])
    }
  })

  it("is not needed when the agent is silent: the same word is a turn", () => {
    const script = open().starts(0).interim("mhm").stops(400).fires("endpoint").hears("Mhm.")
    assert.deepStrictEqual(script.historyLines, ["1 user: Mhm."])
    assert.notInclude(typesOf(script), "user.backchannel")
  })

  it("is not needed when the agent has finished meanwhile: the same word may answer its question", () => {
    const script = speaking().starts(2_000).interim("yes").stops(2_100).played("One two three four five.")
    script.fires("endpoint").hears("Yes.")
    assert.deepStrictEqual(script.historyLines, ["1 user: Count.", "1 agent: One two three four five.", "2 user: Yes."])
  })

  it("happens at once when other words follow a backchannel", () => {
    const script = speaking().starts(2_000).interim("yeah")
    script.fires("confirm")
    script.take()
    script.interim("yeah but wait")
    assert.include(script.take(), "end interrupted")
    script.stops(3_000).fires("endpoint").hears("Yeah, but wait.")
    assert.deepStrictEqual(script.historyLines, ["1 user: Count.", "1 agent: One two …", "2 user: Yeah, but wait."])
  })

  it("happens for a backchannel when backchannels are not ignored", () => {
    const script = speaking({ policy: interruption({ ignoreBackchannels: false }) }).starts(2_000)
    script.fires("confirm").interim("mhm")
    assert.include(script.take(), "end interrupted")
  })

  it("uses only the options to recognise backchannels", () => {
    const script = speaking({ isBackchannel: (words) => words === "genau" }).starts(2_000).interim("genau").stops(2_300)
    script.fires("endpoint").hears("genau")
    assert.deepStrictEqual(script.historyLines, ["1 user: Count."])
    assert.include(typesOf(script), "user.backchannel")
  })

  it("does not happen for an echo of three or more words", () => {
    const script = speaking().starts(2_000).interim("two three four").stops(2_600)
    script.fires("endpoint").hears("Two, three, four.")
    assert.strictEqual(script.state.agent._tag, "Active")
    assert.deepStrictEqual(script.historyLines, ["1 user: Count."])
  })

  it("does not happen for an echo of the agent's last words after it has finished", () => {
    const script = speaking().starts(2_000).stops(2_150).played("One two three four five.").fires("endpoint")
    script.take()
    script.hears("three four five")
    assert.notInclude(script.take().join(), "Answer")
    assert.strictEqual(script.state.publishedState, "listening")
    // what the user says next is the user's own
    script.asks("three four five", 5_000)
    assert.strictEqual(script.historyLines.at(-1), "2 user: three four five")
  })

  it("happens for other words in an echo, for two final words, and for any words without the echo guard", () => {
    for (const words of ["two three what", "one three two"]) {
      assert.include(speaking().starts(2_000).fires("confirm").interim(words).take(), "end interrupted", words)
    }
    // an echo begins like this, too: the agent stays silent until more is known
    const two = speaking().starts(2_000).interim("two").interim("two three")
    assert.notInclude(two.take(), "end interrupted")
    assert.strictEqual(two.state.agent._tag, "Held")
    assert.include(two.stops(2_600).interim("two three").interim("two, three").take(), "end interrupted")
    const script = speaking({ policy: { echoGuard: false } }).starts(2_000).interim("two three four").fires("confirm")
    assert.include(script.take(), "end interrupted")
  })

  it("takes minWords words of this utterance", () => {
    const script = speaking({ policy: interruption({ minWords: 3 }) }).starts(2_000).interim("no no")
    script.fires("confirm").stops(2_500).fires("endpoint").hears("No, no.")
    assert.include(script.take(), "user.backchannel No, no.")
    script.starts(4_000).fires("confirm").interim("not")
    assert.notInclude(script.take(), "end interrupted", "the words before do not count")
    script.interim("not that please")
    assert.include(script.take(), "end interrupted")
    script.stops(5_000).fires("endpoint").hears("Not that, please.")
    assert.strictEqual(script.historyLines.at(-1), "2 user: Not that, please.")
  })

  it("is decided by the final transcript when there are no interim ones", () => {
    const script = speaking({ interimTranscripts: false, policy: interruption({ minWords: 2 }) }).starts(2_000)
    script.fires("confirm").stops(2_500)
    assert.strictEqual(script.state.agent._tag, "Held")
    script.fires("endpoint").hears("Stop it.")
    assert.deepStrictEqual(script.historyLines, ["1 user: Count.", "1 agent: One two …", "2 user: Stop it."])
    const few = speaking({ interimTranscripts: false, policy: interruption({ minWords: 2 }) }).starts(2_000).fires(
      "confirm"
    )
    few.stops(2_500).fires("endpoint").hears("Stop.")
    assert.deepStrictEqual(few.historyLines, ["1 user: Count."])
    assert.strictEqual(few.state.agent._tag, "Active")
  })

  it("is decided by the length of the sound when no transcript is needed", () => {
    const deaf = { ...interruption({ ignoreBackchannels: false }), echoGuard: false }
    assert.include(speaking({ policy: deaf }).starts(2_000).fires("confirm").take(), "end interrupted")
  })

  it("does not happen for a cough: the agent resumes at its end", () => {
    const script = speaking().speaks(2_000, 2_150)
    assert.includeMembers([...script.take()], ["hold", "release", "agent.speech_resumed 1"])
    script.fires("endpoint").hears("")
    assert.notInclude(typesOf(script), "user.backchannel")
  })

  it("still happens when the transcript comes after the agent has resumed", () => {
    const script = speaking().speaks(2_000, 2_250).fires("confirm").interim("stop")
    assert.include(script.take(), "end interrupted")
  })

  it("waits for a transcript for `patience` while the user speaks, and then happens without one", () => {
    const script = speaking().starts(2_000)
    assert.deepInclude(timer(script, "confirm"), { atSample: 2_250 * 16, afterMs: 200 + TIMER_GRACE_MS })
    script.fires("confirm")
    assert.deepInclude(timer(script, "confirm"), { atSample: 3_000 * 16, afterMs: 800 + TIMER_GRACE_MS })
    script.fires("confirm")
    assert.include(script.take(), "end interrupted")
  })

  it("waits for a transcript for `patience` after the user has stopped, and then the agent resumes", () => {
    const script = speaking().starts(2_000).fires("confirm").stops(2_500)
    assert.deepInclude(timer(script, "confirm"), { atSample: undefined, afterMs: 1_000 })
    script.fires("endpoint").fires("confirm")
    assert.include(script.take(), "agent.speech_resumed 1")
  })

  it("pauses the agent for at most twice `patience` for repeated sounds without a transcript", () => {
    const script = speaking()
    let silentMs = 0
    for (let at = 2_000; script.state.agent._tag !== "Active" || at === 2_000; at += 500) {
      script.starts(at).after(300).stops(at + 300).after(200)
      silentMs += 500
      // the clock's part of the timer
      const set = timer(script, "confirm")
      assert.isAtMost(silentMs, 2_000 + TIMER_GRACE_MS + 500, "held for ever")
      if (script.state.agent._tag === "Held" && set?._tag === "SetTimer" && set.afterMs <= 200) script.fires("confirm")
    }
    assert.include(script.take(), "agent.speech_resumed 1")
  })

  it("is decided by the transcript as well when the recogniser is the turn authority", () => {
    const mhm = speaking({ turnAuthority: "stt" }).starts(2_000).interim("mhm").on({ _tag: "EndOfTurn" })
    assert.includeMembers([...mhm.take()], ["user.backchannel mhm", "release", "user.speech_stopped"])
    assert.deepStrictEqual(mhm.historyLines, ["1 user: Count."])
    const stop = speaking({ turnAuthority: "stt" }).starts(2_000).fires("confirm").interim("stop")
    assert.include(stop.take(), "end interrupted")
    stop.on({ _tag: "Final", text: "Stop." }, { _tag: "EndOfTurn" })
    assert.strictEqual(stop.historyLines.at(-1), "2 user: Stop.")
  })

  it("ends at once when the agent becomes uninterruptible", () => {
    const script = speaking().starts(2_000).on({ _tag: "Drain", reason: "drained" }).stops(2_500)
    assert.strictEqual(script.state.agent._tag, "Held")
    script.fires("endpoint").hears("And six?")
    assert.strictEqual(script.state.agent._tag, "Active", "it does not wait in silence")
    script.played("One two three four five.").audible().played("Six.")
    assert.deepStrictEqual(script.historyLines.slice(-2), ["2 user: And six?", "2 agent: Six."])
    assert.strictEqual(script.state.lifecycle._tag, "Closed")
  })

  it("by a backchannel before the answer is audible changes neither the question nor the answer", () => {
    const script = open().asks("Book a table.").starts(1_500).interim("okay").fires("confirm").stops(1_900)
    script.fires("endpoint").hears("Okay.").audible().played("Done.")
    assert.deepStrictEqual(script.historyLines, ["1 user: Book a table.", "1 agent: Done."])
    assert.strictEqual(script.startCommands.length, 1)
  })
})

describe("Uninterruptible speech", () => {
  it("is not held, and the turn waits for its end", () => {
    const script = open().on(notice).audible()
    script.heard = "This call is recorded."
    script.take()
    script.starts(1_000).interim("hello there").stops(1_500).fires("endpoint").hears("Hello there.")
    const taken = script.take()
    for (const no of ["hold", "end interrupted", "playout.clear 1"]) assert.notInclude(taken, no)
    assert.strictEqual(script.state.user._tag, "Waiting")
    script.on({ _tag: "ReplyPlayed", epoch: 1 })
    assert.deepStrictEqual(script.historyLines, ["1 agent: This call is recorded.", "2 user: Hello there."])
    assert.strictEqual(script.state.agent._tag, "Active")
  })

  it("keeps a turn that reaches longestTurn, and its end", () => {
    const script = open().on(notice).audible().starts(0).interim("on and on").fires("longest", 960_000)
    script.hears("on and on")
    assert.strictEqual(script.state.user._tag, "Speaking", "still")
    script.interim("and on").stops(61_000).fires("endpoint").hears("and on")
    assert.strictEqual(typesOf(script).filter((type) => type === "user.speech_stopped").length, 1)
    script.played("This call is recorded.")
    assert.strictEqual(script.historyLines.at(-1), "2 user: on and on and on")
  })

  it("is followed by the queue when the waiting turn was withdrawn", () => {
    const script = open().on(notice, news).audible().starts(0).interim("hm").stops(500).fires("endpoint")
    script.on({ _tag: "Finalized", id: script.state.finalizeId }).interim("")
    script.take()
    script.played("This call is recorded.")
    assert.include(script.take(), "> Text 2: News.")
  })

  it("can be followed by interruptible speech", () => {
    const script = open().on(notice, news).audible().played("This call is recorded.").audible()
    script.take()
    script.starts(5_000)
    assert.include(script.take(), "hold")
  })
})

describe("A preemptive reply", () => {
  const on = (overrides: Overrides = {}) => open({ ...overrides, policy: { speculation: true, ...overrides.policy } })
  const begun = (overrides?: Overrides) => {
    const script = on(overrides).starts(0).interim("what time is it").stops(500)
    assert.include(script.take(), "? Answer 1: what time is it")
    return script
  }

  it("is used when the words are the same except for case and punctuation", () => {
    const script = begun().fires("endpoint")
    script.take()
    script.hears("What time is it?")
    assert.deepStrictEqual(script.take(), [
      "user.transcript 1 What time is it? false",
      "-finalize",
      "user.transcript 1 What time is it? true",
      "append user 1",
      "commit"
    ])
    script.audible().played("Noon.")
    assert.deepStrictEqual(script.historyLines, ["1 user: What time is it?", "1 agent: Noon."])
  })

  it("is invisible before its commit, and its own turn is not in its history", () => {
    const script = begun()
    const start = script.startCommands
    assert.deepStrictEqual(start, [], "taken")
    script.on(
      { _tag: "ReplyProgress", epoch: 1, stage: "agent" },
      { _tag: "ReplyText", epoch: 1, text: "Noon." },
      { _tag: "ReplyAudible", epoch: 1 },
      { _tag: "ReplyPlayed", epoch: 1 }
    )
    assert.deepStrictEqual(script.take(), [])
    assert.deepStrictEqual([script.state.history, script.state.turn, script.state.publishedState], [[], 0, "listening"])
  })

  it("is dropped when the user continues, and another starts at the next pause", () => {
    const script = begun().starts(700)
    assert.include(script.take(), "discard")
    script.interim("what time is it in Rome").stops(1_500)
    assert.include(script.take(), "? Answer 1: what time is it in Rome")
    script.fires("endpoint").hears("What time is it in Rome?")
    assert.include(script.take(), "commit")
    assert.deepStrictEqual(script.historyLines, ["1 user: What time is it in Rome?"])
  })

  it("is dropped when the final words differ", () => {
    const script = begun().interim("what time is it now")
    assert.deepStrictEqual(script.take(), [
      "user.transcript 1 what time is it now false",
      "discard",
      "? Answer 1: what time is it now"
    ])
    script.fires("endpoint").hears("What time was it?")
    const taken = script.take()
    assert.includeMembers([...taken], ["discard", "> Answer 1: What time was it?"])
    assert.notInclude(taken, "commit")
  })

  it("is dropped when the final transcript is empty", () => {
    const script = begun().fires("endpoint").interim("").hears("")
    assert.include(script.take(), "discard")
    assert.deepStrictEqual(script.historyLines, [])
  })

  it("is dropped when a typed turn comes first", () => {
    const script = begun().on({ _tag: "UserText", text: "what time is it" })
    const taken = script.take()
    assert.includeMembers([...taken], ["discard", "> Answer 1: what time is it"])
    assert.deepStrictEqual(script.historyLines, ["1 user(text): what time is it"])
  })

  it("is dropped by a close, and is the last answer of a drain or at the end of the input", () => {
    const closed = begun().on({ _tag: "Close", reason: "closed" })
    assert.includeMembers([...closed.take()], ["discard", "close closed"])
    for (const ending of [{ _tag: "Drain", reason: "drained" }, { _tag: "InputEnded", atSample: 9_600 }] as const) {
      const script = begun().on(ending)
      assert.notInclude(script.take(), "discard")
      if (ending._tag === "Drain") script.fires("endpoint")
      script.hears("What time is it?")
      assert.include(script.take(), "commit")
      script.audible().played("Noon.")
      assert.deepStrictEqual(script.historyLines, ["1 user: What time is it?", "1 agent: Noon."])
      assert.strictEqual(script.state.lifecycle._tag, "Closed")
    }
  })

  it("that fails is not reported, and the agent is asked once more when the turn is over", () => {
    const script = begun().on({ _tag: "ReplyFailed", epoch: 1, error: failed })
    assert.deepStrictEqual(script.take(), ["discard"])
    script.interim("what time is it?")
    assert.notInclude(script.take().join(), "Answer", "not while it may be dropped again")
    script.fires("endpoint").hears("What time is it?")
    assert.include(script.take(), "> Answer 1: What time is it?")
    assert.notInclude(typesOf(script), "error")
    script.audible().played("Noon.")
    assert.deepStrictEqual(script.historyLines, ["1 user: What time is it?", "1 agent: Noon."])
  })

  it("that fails after its commit is followed by the apology", () => {
    const script = begun().fires("endpoint").hears("what time is it")
    script.take()
    script.on({ _tag: "ReplyFailed", epoch: 1, error: failed }, { _tag: "ReplyPlayed", epoch: 1 })
    assert.deepStrictEqual(script.take(), [
      "error agent_error the agent failed",
      "end failed",
      "turn.unanswered 1 failed",
      `> Text 2: ${defaultPolicy.apology}`
    ])
  })

  it("has latency parts that add up to the total", () => {
    const script = on().starts(0).interim("what time is it").stops(500)
    script.after(50).on({ _tag: "ReplyProgress", epoch: 1, stage: "agent" })
    script.after(20).on({ _tag: "ReplyProgress", epoch: 1, stage: "clause" })
    script.after(180).fires("endpoint").after(30).hears("What time is it?")
    script.after(10).on({ _tag: "ReplyProgress", epoch: 1, stage: "tts" }).audible()
    const latency = script.events.find((event) => event.type === "turn.latency")
    assert.deepStrictEqual(latency, {
      type: "turn.latency",
      turn: 1,
      totalMs: 340,
      parts: [
        { name: "vad", ms: 50 },
        { name: "endpointing", ms: 250 },
        { name: "transcript", ms: 30 },
        { name: "agent", ms: 0 },
        { name: "clause", ms: 0 },
        { name: "tts", ms: 10 },
        { name: "playout", ms: 0 }
      ]
    })
  })

  it("is withdrawn when the user continues before it is audible", () => {
    const script = begun().fires("endpoint").hears("What time is it?").starts(1_000).interim("in Rome").fires("confirm")
    assert.include(script.take(), "withdraw 1")
    assert.deepStrictEqual(script.historyLines, [])
    script.stops(1_600).fires("endpoint").hears("in Rome?")
    assert.deepStrictEqual(script.historyLines, ["1 user: What time is it? in Rome?"])
  })

  it("is not started while the agent speaks, without a transcript, without the policy, or with another turn authority", () => {
    const busy = speaking({ policy: { speculation: true } }).starts(2_000).fires("confirm").interim("stop that").stops(
      2_500
    )
    assert.strictEqual(busy.startCommands.filter((start) => start.speculative).length, 1, "it was interrupted")
    const uninterruptible = on().on(notice).audible().starts(0).interim("hello").stops(500)
    assert.isTrue(uninterruptible.startCommands.every((start) => !start.speculative))
    for (
      const overrides of [
        { policy: { speculation: false } },
        { policy: { speculation: true }, turnAuthority: "stt" as const },
        { policy: { speculation: true }, transcriptBased: false }
      ]
    ) {
      assert.deepStrictEqual(open(overrides).starts(0).interim("hello").stops(500).startCommands, [])
    }
    assert.deepStrictEqual(on().speaks(0, 500).startCommands, [])
    assert.deepStrictEqual(on().starts(0).interim("hello").startCommands, [], "nor while the user speaks")
  })

  it("waits until the turn detector predicts the end of the turn", () => {
    const script = on({ turnDetector: true }).starts(0).interim("what time is it").stops(500)
    assert.include(script.take(), "predict what time is it")
    script.on({ _tag: "EndOfTurnPredicted", id: 1, probability: 0.2 })
    assert.deepStrictEqual(script.take(), [])
    script.interim("what time is it now")
    script.take()
    script.on({ _tag: "EndOfTurnPredicted", id: 1, probability: 0.9 })
    assert.deepStrictEqual(script.take(), [], "it had looked at other words")
    script.on({ _tag: "EndOfTurnPredicted", id: 2, probability: 0.9 })
    assert.deepStrictEqual(script.take(), ["? Answer 1: what time is it now"])
  })
})

describe("The turn detector", () => {
  const at = (overrides: Overrides = {}) => open({ turnDetector: true, ...overrides })
  const judged = (script: Script, probability: number) =>
    script.on({ _tag: "EndOfTurnPredicted", id: script.state.endOfTurnPrediction?.id ?? -1, probability })

  it("receives what the agent said last, and is asked once about the same text", () => {
    const script = at().asks("Hello.")
    judged(script, 1).audible().played("What is your number?")
    script.starts(5_000).interim("it is five").stops(6_000).interim("it is five")
    const judges = script.commands.filter((command) => command._tag === "PredictEndOfTurn")
    assert.deepStrictEqual(judges.map(({ agentSaid, transcript }) => [agentSaid, transcript]), [
      ["", "Hello."],
      ["What is your number?", "it is five"]
    ])
  })

  it("extends an unfinished turn to maxSilence, once", () => {
    const script = at().starts(0).interim("I would like and").stops(500)
    judged(script, 0.1).after(250)
    script.take()
    script.fires("endpoint")
    const extended = timer(script, "endpoint")
    assert.deepInclude(extended, { atSample: (500 + 2_000) * 16, afterMs: 2_000 - 300 + TIMER_GRACE_MS })
    assert.deepInclude(script.state.user, { _tag: "Paused", extended: true })
    script.take()
    script.after(1_700).fires("endpoint")
    assert.include(script.take(), "finalize 500")
    script.hears("I would like and")
    assert.deepStrictEqual(script.historyLines, ["1 user: I would like and"])
  })

  it("extends the turn as well when the final transcript is unfinished", () => {
    const script = at({ interimTranscripts: false }).speaks(0, 500).after(250).fires("endpoint").hears("I would like")
    assert.include(script.take(), "predict I would like")
    judged(script, 0.1)
    assert.deepInclude(script.state.user, { _tag: "Paused", extended: true })
    assert.strictEqual(script.state.publishedState, "listening")
    script.after(1_700).fires("endpoint").hears("")
    assert.deepStrictEqual(script.historyLines, ["1 user: I would like"])
  })

  it("does not delay the turn when it predicts the end, is too slow, or fails", () => {
    const finished = at({ interimTranscripts: false }).speaks(0, 500).fires("endpoint").hears("Stop.")
    assert.deepStrictEqual(finished.historyLines, [])
    judged(finished, 0.9)
    assert.deepStrictEqual(finished.historyLines, ["1 user: Stop."])
    const slow = at({ interimTranscripts: false }).speaks(0, 500).fires("endpoint").hears("Stop.")
    assert.deepInclude(timer(slow, "finalize"), { atSample: undefined, afterMs: 300 })
    slow.fires("finalize")
    assert.deepStrictEqual(slow.historyLines, ["1 user: Stop."])
    slow.take()
    slow.on({ _tag: "EndOfTurnPredicted", id: 1, probability: 0 })
    assert.deepStrictEqual(slow.take(), [], "late")
  })

  it("lets the user continue in the extended time, within one turn", () => {
    const script = at().starts(0).interim("I would like and").stops(500)
    judged(script, 0.1).fires("endpoint").starts(1_800).interim("I would like and a tea").stops(2_500)
    judged(script, 0.9).fires("endpoint").hears("I would like and a tea.")
    // its punctuation may tell more
    judged(script, 0.9)
    assert.deepStrictEqual(script.historyLines, ["1 user: I would like and a tea."])
    assert.strictEqual(script.startCommands.length, 1)
    const extendedAfterFinal = at({ interimTranscripts: false }).speaks(0, 500).fires("endpoint").hears("I would like")
    judged(extendedAfterFinal, 0.1).speaks(1_500, 2_000).fires("endpoint").hears("a tea.")
    judged(extendedAfterFinal, 0.9)
    assert.deepStrictEqual(extendedAfterFinal.historyLines, ["1 user: I would like a tea."])
  })

  it("is not asked while the conversation drains, or with another turn authority", () => {
    const draining = at().starts(0).interim("I would like and").stops(500)
    judged(draining, 0.9).on({ _tag: "Drain", reason: "drained" }).fires("endpoint").hears("I would like and so")
    assert.deepStrictEqual(draining.historyLines, ["1 user: I would like and so"])
    const stt = at({ turnAuthority: "stt" }).starts(0).on({ _tag: "Final", text: "I would like" }, {
      _tag: "EndOfTurn"
    })
    assert.deepStrictEqual(stt.historyLines, ["1 user: I would like"])
  })

  it("uses the threshold of the policy", () => {
    const script = at({ policy: endpointing({ threshold: 0.05 }) }).starts(0).interim("and").stops(500)
    judged(script, 0.1)
    script.take()
    script.fires("endpoint")
    assert.include(script.take(), "finalize 500")
  })
})

describe("Adaptive endpointing", () => {
  const silences = (script: Script) =>
    script.commands.flatMap((command) =>
      command._tag === "SetTimer" && command.name === "endpoint" ? [command.afterMs + 50 - TIMER_GRACE_MS] : []
    )
  const adaptive = (patch: Partial<ConversationPolicy["endpointing"]> = {}) =>
    open({ policy: endpointing({ mode: "adaptive", ...patch }) })

  it("learns the length of the user's pauses", () => {
    const script = adaptive().starts(0)
    let at = 0
    for (const pause of [280, 400, 400, 400, 400]) {
      script.stops(at + 1_000).starts(at + 1_000 + pause)
      at += 1_000 + pause
    }
    assert.deepStrictEqual(silences(script).map(Math.round), [300, 420, 474, 512, 538])
  })

  it("learns from a pause that was taken for the end of the turn", () => {
    const script = adaptive().speaks(0, 1_000).fires("endpoint").starts(1_600).stops(2_000)
    assert.deepStrictEqual(silences(script), [300, 900])
  })

  it("stays between silence and maxSilence, and is off in fixed mode", () => {
    const quick = adaptive().starts(0).stops(500).starts(520).stops(1_000)
    assert.deepStrictEqual(silences(quick), [300, 300])
    const slow = adaptive({ maxSilence: Duration.millis(700) }).starts(0).stops(500).starts(1_700).stops(2_000)
    assert.deepStrictEqual(silences(slow), [300, 700])
    const fixed = open().starts(0).stops(500).starts(900).stops(1_500)
    assert.deepStrictEqual(silences(fixed), [300, 300])
    const stt = open({ turnAuthority: "stt", policy: endpointing({ mode: "adaptive" }) }).starts(0).stops(500)
    assert.deepStrictEqual(silences(stt.starts(900).stops(1_500)), [3_000, 3_000])
  })
})

describe("A user who is away", () => {
  const away = (closeAfter: number, policy: Partial<ConversationPolicy> = {}) =>
    open({
      policy: { ...policy, away: { after: Duration.seconds(15), closeAfter: Duration.millis(closeAfter) } }
    })

  it("is reported once, and again only after speaking", () => {
    const script = away(0)
    assert.deepInclude(script.state.timers, { away: 1 })
    script.fires("away")
    assert.deepStrictEqual(script.take(), ["user.away"])
    assert.isUndefined(script.state.timers.away)
    for (
      const come of [
        () => script.asks("hello"),
        () => script.on({ _tag: "UserText", text: "hello" })
      ]
    ) {
      come().audible()
      assert.isUndefined(script.state.timers.away, "not while somebody speaks")
      script.played("Hi.")
      script.take()
      script.fires("away")
      assert.deepStrictEqual(script.take(), ["user.away"])
    }
  })

  it("is not reported while the agent speaks", () => {
    const script = away(0).on(news).audible()
    assert.isUndefined(script.state.timers.away)
    script.played("News.").fires("away").on(news).audible().played("News.")
    assert.isUndefined(script.state.timers.away)
    assert.strictEqual(typesOf(script).filter((type) => type === "user.away").length, 1)
  })

  it("hears the goodbye after closeAfter", () => {
    const script = away(60_000, { goodbye: "Bye." }).fires("away")
    assert.deepInclude(timer(script, "away"), { atSample: undefined, afterMs: 60_000 })
    script.fires("away")
    assert.include(script.take(), "> Text 1: Bye.")
    script.audible().played("Bye.")
    assert.deepInclude(script.events, { type: "session.ended", reason: "user_away" })
  })

  it("is back at the first speech, also when it was taken for noise first", () => {
    const script = away(60_000).fires("away").starts(0)
    assert.isFalse(script.state.userAway)
    script.fires("noise").fires("away")
    assert.isTrue(script.state.userAway)
    script.interim("hello")
    assert.isFalse(script.state.userAway)
  })
})

describe("Noise", () => {
  const noisy = (overrides?: Overrides) => {
    const script = open(overrides).starts(0)
    assert.deepInclude(timer(script, "noise"), { atSample: 20_000 * 16, afterMs: 20_000 + TIMER_GRACE_MS })
    script.take()
    return script
  }

  it("does not delay queued text", () => {
    const script = noisy().on(news)
    assert.deepStrictEqual(script.take(), [])
    script.fires("noise")
    assert.includeMembers([...script.take()], ["-longest", "> Text 1: News."])
    script.audible().played("News.").stops(40_000)
    assert.include(script.take(), "user.speech_stopped")
    assert.deepStrictEqual(script.historyLines, ["1 agent: News."])
  })

  it("with a late transcript is speech again, with the same limits", () => {
    const script = noisy().fires("noise").interim("hello")
    assert.strictEqual(script.state.user._tag, "Speaking")
    assert.deepInclude(timer(script, "longest"), { atSample: undefined, afterMs: 60_000 + TIMER_GRACE_MS })
    assert.isUndefined(script.state.timers.noise)
    script.stops(90_000).fires("endpoint").hears("Hello?")
    assert.deepStrictEqual(script.historyLines, ["1 user: Hello?"])
  })

  it("does not become speech by an empty interim transcript", () => {
    const script = noisy().fires("noise").interim(" ")
    assert.strictEqual(script.state.user._tag, "Noise")
  })

  it("is not detected when a transcript comes in time", () => {
    const script = noisy().interim("so")
    assert.isUndefined(script.state.timers.noise)
  })

  it("with gaps is still noise", () => {
    const script = noisy().stops(10_000).fires("noise").starts(20_200)
    assert.isDefined(script.state.timers.noise)
  })

  it("with a transcript interrupts the agent", () => {
    const script = noisy().on(news).fires("noise").audible().interim("stop that")
    assert.include(script.take(), "end interrupted")
  })

  it("that paused the agent lets it resume", () => {
    const script = speaking({ policy: interruption({ minWords: 2 }) }).starts(2_000).fires("noise")
    assert.include(script.take(), "agent.speech_resumed 1")
  })

  it("ends with user.speech_stopped when the input ends, and does not delay the close", () => {
    const ended = noisy().fires("noise").on({ _tag: "InputEnded", atSample: 0 })
    assert.includeMembers([...ended.take()], ["user.speech_stopped", "close input_ended"])
    const drained = noisy().fires("noise").on({ _tag: "Drain", reason: "drained" })
    assert.include(drained.take(), "close drained")
  })

  it("is not detected without interim transcripts", () => {
    assert.isUndefined(open({ interimTranscripts: false }).starts(0).state.timers.noise)
    assert.isUndefined(open({ transcriptBased: false }).starts(0).state.timers.noise)
  })
})

describe("The end of the input", () => {
  it("completes a turn that reached longestTurn", () => {
    const script = open().starts(0).interim("on and on").fires("longest", 960_000)
    script.on({ _tag: "InputEnded", atSample: 960_000 }).hears("on and on").audible().played("Yes.")
    assert.deepStrictEqual(script.historyLines, ["1 user: on and on", "1 agent: Yes."])
    assert.strictEqual(script.state.lifecycle._tag, "Closed")
    assert.strictEqual(typesOf(script).filter((type) => type === "user.speech_stopped").length, 1)
  })

  it("of a drain does not wait for a user who keeps speaking", () => {
    const script = open().starts(0).on({ _tag: "Drain", reason: "drained" }).fires("longest", 960_000).hears("")
    assert.strictEqual(script.state.lifecycle._tag, "Closed")
    assert.include(typesOf(script), "user.speech_stopped")
  })
})

describe("A policy that changes", () => {
  it("applies from the next decision on, within a turn", () => {
    const script = open().starts(0).interim("hello").policy(endpointing({ silence: Duration.millis(900) })).stops(500)
    assert.deepInclude(timer(script, "endpoint"), { atSample: 1_400 * 16 })
    script.policy({ speculation: true }).interim("hello there")
    assert.include(script.take(), "? Answer 1: hello there")
    script.policy({ speculation: false }).fires("endpoint").hears("Hello there.")
    assert.include(script.take(), "commit")
  })

  it("resumes an agent that is paused", () => {
    const script = speaking().starts(2_000).policy(interruption({ enabled: false })).fires("confirm").fires("confirm")
    assert.strictEqual(script.state.agent._tag, "Active")
    script.interim("stop it").stops(3_000).fires("endpoint").hears("Stop it.")
    assert.strictEqual(script.state.user._tag, "Waiting")
    script.played("One two three four five.")
    assert.strictEqual(script.historyLines.at(-1), "2 user: Stop it.")
  })

  it("changes whether a word interrupts the agent", () => {
    const script = speaking({ policy: interruption({ minWords: 5 }) }).starts(2_000).fires("confirm").interim("no stop")
    assert.notInclude(script.take(), "end interrupted")
    script.policy(interruption({ minWords: 2 })).interim("no stop it")
    assert.include(script.take(), "end interrupted")
  })
})

it("keeps the public state while a transcript decides on an interruption", () => {
  const script = speaking().starts(2_000)
  assert.strictEqual(Conversation.publicState(script.state), "listening")
  script.fires("confirm").interim("right").stops(2_600).interim("right.")
  assert.strictEqual(Conversation.publicState(script.state), "speaking")
})
