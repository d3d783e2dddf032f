import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { defaultPolicy } from "../../../src/conversation/ConversationPolicy.ts"
import { TIMER_GRACE_MS } from "../../../src/conversation/machine/Step.ts"
import { Script } from "../Script.ts"

type Overrides = NonNullable<ConstructorParameters<typeof Script>[0]>
const open = (overrides: Overrides = {}) => {
  const script = new Script({ interimTranscripts: true, ...overrides }).on({ _tag: "Started" })
  script.take()
  return script
}
const timer = (script: Script, name: string) =>
  script.commands.findLast((command) => command._tag === "SetTimer" && command.name === name)
const notice = {
  _tag: "Say",
  source: { _tag: "Text", text: "This call is recorded.", optional: false, uninterruptible: true }
} as const
const news = { _tag: "Say", source: { _tag: "Text", text: "News.", optional: false } } as const

describe("Late final transcripts", () => {
  /** The user has spoken; the final transcript has missed its timeout, and `known` was the interim one. */
  const gone = (known: string, overrides?: Overrides) => {
    const script = open(overrides).starts(0).interim(known).stops(500).fires("endpoint").fires("finalize")
    script.take()
    return script
  }
  const late = (script: Script, text: string, id = 1) => script.on({ _tag: "Final", text }, { _tag: "Finalized", id })

  it("are asked as soon as they arrive, if nothing was asked", () => {
    const script = late(gone(""), "Book a table.")
    assert.deepStrictEqual(script.historyLines, ["1 user: Book a table."])
    assert.include(script.take(), "> Answer 1: Book a table.")
  })

  it("join what the user says meanwhile, if nothing was asked", () => {
    const script = late(gone("").starts(6_000), "Book a table")
    assert.deepStrictEqual(script.historyLines, [])
    script.stops(6_500).fires("endpoint").hears("for two.")
    assert.deepStrictEqual(script.historyLines, ["1 user: Book a table for two."])
  })

  it("replace the question while the answer is inaudible", () => {
    const script = gone("Book a")
    assert.deepStrictEqual(script.historyLines, ["1 user: Book a"])
    late(script, "Book a table for four.")
    assert.includeMembers([...script.take()], ["end interrupted", "withdraw 1", "> Answer 1: Book a table for four."])
    assert.deepStrictEqual(script.historyLines, ["1 user: Book a table for four."])
  })

  it("change nothing if they equal the question, or the answer is audible", () => {
    const same = gone("book a table")
    same.take()
    late(same, "Book a table.")
    assert.deepStrictEqual(same.take(), [])
    const heard = gone("Book a").audible()
    late(heard, "Book a table for four.").played("Which one?")
    heard.asks("The blue one.", 9_000)
    assert.deepStrictEqual(heard.historyLines, ["1 user: Book a", "1 agent: Which one?", "2 user: The blue one."])
  })

  it("are not put in front of the next question, nor is an interim form of them", () => {
    const script = gone("Book a").audible().played("Which one?").starts(9_000).interim("Book a table the blue")
    late(script, "Book a table")
    script.interim("the blue").stops(9_500).fires("endpoint").hears("The blue one.")
    assert.strictEqual(script.historyLines.at(-1), "2 user: The blue one.")
  })

  it("are ignored for a backchannel, and asked if there is more than that", () => {
    const busy = () => {
      const script = open().asks("Count.").audible().starts(2_000).interim("mhm").stops(2_300)
      script.fires("endpoint").fires("finalize")
      script.heard = "One"
      script.take()
      return script
    }
    const mhm = late(busy(), "Mhm.", 2)
    assert.deepStrictEqual(mhm.take(), [])
    const more = late(busy(), "Mhm, but wait.", 2)
    assert.deepStrictEqual(more.historyLines.slice(1), ["1 agent: One …", "2 user: Mhm, but wait."])
  })

  it("are assigned to several turns in order", () => {
    const script = gone("one").audible().played("Yes.")
    script.starts(8_000).interim("one two").stops(8_500).fires("endpoint").fires("finalize").audible().played("Yes.")
    assert.lengthOf(script.state.awaitedTranscripts, 2)
    late(late(script, "one.", 1), "two.", 2)
    assert.deepStrictEqual(script.state.awaitedTranscripts, [])
    assert.deepStrictEqual(script.state.openTranscript, { finals: "", interim: "" })
  })

  it("need not be heard again by another recogniser, once their interim words were used", () => {
    const abandons = (known: string) =>
      open().starts(0).interim(known).stops(500).fires("endpoint").fires("finalize").take().includes("abandon 1")
    assert.isTrue(abandons("Book a"))
    assert.isFalse(abandons(""), "nothing is known of it yet")
  })

  it("are told apart from the next turn's words when one final transcript has both", () => {
    const both = (final: string) => {
      const script = gone("because seven a Paris").audible().played("Yes.").starts(9_000).stops(9_500).fires("endpoint")
      return script.hears(final).historyLines.at(-1)
    }
    assert.strictEqual(both("Because seven a Paris. Yes."), "2 user: Yes.")
    assert.strictEqual(both("Because 7 a Paris. Yes, please."), "2 user: Yes, please.")
    assert.strictEqual(both("Yes, please."), "2 user: Yes, please.")
  })

  it("open no turn by their interim words, which are not in front of the next turn's either", () => {
    for (const turnAuthority of ["own", "stt"] as const) {
      const script = gone("Hello there", { turnAuthority }).audible().played("Hi.")
      script.take()
      script.interim("Hello").interim("hello, there").interim("yellow there my friend")
      assert.deepStrictEqual(script.take(), [])
      assert.deepStrictEqual([script.state.user._tag, script.openText], ["Quiet", ""])
      script.starts(9_000).interim("Hello there, and you?")
      assert.strictEqual(script.openText, "and you?")
      script.on({ _tag: "Finalized", id: 1 }).interim("and you?").stops(9_500).fires("endpoint").hears("And you?")
      assert.strictEqual(script.historyLines.at(-1), "2 user: And you?")
    }
  })

  it("are not awaited after a later answer of the recogniser, and none is lost", () => {
    const script = gone("one").audible().played("Yes.").asks("Two.", 8_000)
    assert.deepStrictEqual(script.state.awaitedTranscripts, [])
    script.audible().played("Yes.").asks("Three.", 12_000)
    assert.strictEqual(script.historyLines.at(-1), "3 user: Three.")
  })
})

describe("The longest turn", () => {
  const policy = {
    ...defaultPolicy,
    longestTurn: Duration.seconds(10),
    away: { after: Duration.zero, closeAfter: Duration.zero }
  }
  const judged = (script: Script, probability: number) =>
    script.on({ _tag: "EndOfTurnPredicted", id: script.state.endOfTurnPrediction?.id ?? -1, probability })

  it("counts from the start of the turn, however often the turn was extended", () => {
    const script = open({ turnDetector: true, policy }).starts(0).interim("I would like and").after(2_000).stops(2_000)
    judged(script, 0.1).fires("endpoint").after(1_000)
    script.take()
    script.starts(3_000)
    assert.notInclude(script.take(), "+longest", "it runs since the beginning")
    // and when the final words were the ones that sounded unfinished
    script.interim("I would like and then").stops(5_000).after(2_000)
    judged(script, 0.9).fires("endpoint")
    script.take()
    script.hears("I would like and then,")
    judged(script, 0.1)
    assert.deepInclude(script.state.user, { _tag: "Paused", extended: true })
    assert.deepInclude(timer(script, "longest"), { atSample: 10_000 * 16, afterMs: 5_000 + TIMER_GRACE_MS })
    script.take()
    script.fires("longest", 10_000 * 16)
    assert.include(script.take(), "finalize 10000")
    script.hears("")
    assert.deepStrictEqual(script.historyLines, ["1 user: I would like and then,"], "it gets no more time")
  })

  it("keeps counting when the user continues before the final transcript", () => {
    const script = open({ policy }).starts(0).interim("on").after(4_000).stops(4_000).fires("endpoint").after(500)
    script.take()
    script.starts(4_500)
    assert.deepInclude(timer(script, "longest"), { atSample: 10_000 * 16, afterMs: 5_500 + TIMER_GRACE_MS })
  })

  it("starts again with the next turn", () => {
    const script = open({ policy }).asks("One.").audible().played("Yes.").after(30_000)
    script.take()
    script.starts(40_000)
    assert.deepInclude(timer(script, "longest"), { atSample: 50_000 * 16, afterMs: 10_000 + TIMER_GRACE_MS })
    // speech after longestTurn opens the next turn
    script.interim("on and on").after(10_000).fires("longest", 50_000 * 16)
    script.take()
    script.hears("on and on")
    assert.deepInclude(timer(script, "longest"), { atSample: 60_000 * 16 })
  })
})

describe("Typed text during uninterruptible speech", () => {
  const said = (script: Script) => script.played("This call is recorded.")
  const type = (text: string) => ({ _tag: "UserText", text } as const)

  it("waits for its end, and is answered before anything else", () => {
    const script = open().on(notice, news).audible()
    script.take()
    script.on(type("hello"))
    assert.deepStrictEqual(script.take(), [])
    said(script)
    assert.include(script.take(), "> Answer 2: hello")
    script.audible().played("Hi.")
    assert.deepStrictEqual(script.historyLines, [
      "1 agent: This call is recorded.",
      "2 user(text): hello",
      "2 agent: Hi."
    ])
    assert.include(script.take(), "> Text 3: News.")
  })

  it("joins other typed and spoken text to one question, in order", () => {
    const script = open().on(notice).audible().starts(0).interim("one").stops(500).fires("endpoint").hears("One.")
    assert.strictEqual(script.state.user._tag, "Waiting")
    said(script.on(type("two"), type("three")))
    assert.deepStrictEqual(script.historyLines, ["1 agent: This call is recorded.", "2 user(text): One. two three"])
    assert.strictEqual(script.state.user._tag, "Quiet")
  })

  it("comes before speech after it", () => {
    const script = open().on(notice).audible().on(type("one")).starts(0).interim("two").stops(500)
    said(script.fires("endpoint").hears("Two.")).audible().played("Yes.").audible()
    assert.deepStrictEqual(script.historyLines.slice(1), ["2 user(text): one", "2 agent: Yes.", "3 user: Two."])
  })

  it("is answered at once when that speech is stopped or fails, and also while draining", () => {
    for (
      const end of [
        { _tag: "Interrupt", force: true },
        { _tag: "Drain", reason: "drained" }
      ] as const
    ) {
      const script = open().on(notice).audible().on(type("hello"), end)
      if (end._tag === "Drain") said(script)
      assert.include(script.historyLines, "2 user(text): hello", end._tag)
      script.audible().played("Hi.")
      assert.strictEqual(script.historyLines.at(-1), "2 agent: Hi.")
    }
  })

  it("interrupts any other speech at once", () => {
    const script = open().on(news).audible().on(type("hello"))
    assert.include(script.take(), "end interrupted")
  })
})
