/** A turn detector that hears the audio: when it is asked, and what its verdict does to the turn. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import { TIMER_GRACE_MS } from "../../src/conversation/machine/Step.ts"
import { Script } from "./Script.ts"

type Overrides = ConstructorParameters<typeof Script>[0]

const open = (overrides: Overrides = {}) =>
  new Script({ turnDetector: true, hearsTurns: true, policy: { firstSpeaker: "user" }, ...overrides }).on({
    _tag: "Started"
  })

const asked = (script: Script) =>
  script.commands.flatMap((command) => command._tag === "PredictEndOfTurn" ? [command] : [])

const heard = (script: Script, probability: number) =>
  script.on({
    _tag: "EndOfTurnPredicted",
    id: script.state.endOfTurnPrediction?.id ?? -1,
    probability,
    heard: true
  })

const timer = (script: Script, name: string) =>
  script.commands.findLast((command) => command._tag === "SetTimer" && command.name === name)

/** The user speaks for 500 ms, and pauses; the detector says so 200 ms later. */
const paused = (script: Script, atMs = 500) =>
  script.on(
    { _tag: "SpeechStarted", atSample: (atMs - 500) * 16, decidedAtSample: (atMs - 436) * 16 },
    { _tag: "SpeechStopped", atSample: atMs * 16, decidedAtSample: (atMs + 200) * 16 }
  )

describe("A turn detector that hears", () => {
  it("is asked at each pause, before any word is there", () => {
    const script = paused(open())
    assert.deepStrictEqual(
      asked(script).map(({ pausedAt, sinceSample, transcript }) => [transcript, pausedAt, sinceSample]),
      [
        ["", 8_000, 0]
      ]
    )
    heard(script, 0.1)
    paused(script, 1_500)
    assert.deepStrictEqual(asked(script).map(({ pausedAt, sinceSample }) => [pausedAt, sinceSample]), [
      [8_000, 0],
      [24_000, 0]
    ])
  })

  it("is asked once about the same words of the same pause, and again with more words", () => {
    const script = paused(open({ interimTranscripts: true })).interim("my number is").interim("my number is")
    assert.deepStrictEqual(asked(script).map(({ pausedAt, transcript }) => [transcript, pausedAt]), [
      ["", 8_000],
      ["my number is", 8_000]
    ])
  })

  it("ends a finished turn at once, before the silence of the policy", () => {
    const script = heard(paused(open()).after(60), 0.9)
    assert.include(script.take(), "finalize 500")
    script.hears("Stop.")
    heard(script, 0.9)
    assert.deepStrictEqual(script.historyLines, ["1 user: Stop."])
  })

  it("ends it no earlier than 100 ms before a longer silence of the policy", () => {
    const silence = Duration.millis(800)
    const policy = { firstSpeaker: "user", endpointing: { ...defaultPolicy.endpointing, silence } } as const
    const script = heard(paused(open({ policy })).after(60), 0.9)
    assert.notInclude(script.take(), "finalize 500")
    heard(paused(script, 2_000).after(60), 0.9)
    assert.deepInclude(timer(script, "endpoint"), { atSample: 2_700 * 16, afterMs: 440 + TIMER_GRACE_MS })
    script.take()
    assert.include(script.fires("endpoint").take(), "finalize 2000")
  })

  it("gives an unfinished turn more time at once, and is asked again at the next pause", () => {
    const script = heard(paused(open()), 0.1)
    assert.deepInclude(timer(script, "endpoint"), { atSample: 2_500 * 16, afterMs: 1_800 + TIMER_GRACE_MS })
    assert.deepInclude(script.state.user, { _tag: "Paused", extended: true })
    script.take()
    heard(paused(script, 1_500), 0.9)
    assert.include(script.take(), "finalize 1500")
    script.hears("I would like a tea.")
    heard(script, 0.9)
    assert.deepStrictEqual(script.historyLines, ["1 user: I would like a tea."])
  })

  it("gives a turn that may be finished half of the time of one that is not", () => {
    const script = heard(paused(open()), 0.3)
    assert.deepInclude(timer(script, "endpoint"), { atSample: 1_500 * 16, afterMs: 800 + TIMER_GRACE_MS })
    script.take()
    script.after(800).fires("endpoint")
    assert.include(script.take(), "finalize 500")
    script.hears("I would like a tea.")
    assert.deepStrictEqual(script.historyLines, ["1 user: I would like a tea."])
  })

  it("takes `unsureSilence` for it, at least `silence` and at most `maxSilence`", () => {
    const until = (silence: number, unsureSilence: number, maxSilence: number) => {
      const endpointing = {
        ...defaultPolicy.endpointing,
        silence: Duration.millis(silence),
        unsureSilence: Duration.millis(unsureSilence),
        maxSilence: Duration.millis(maxSilence)
      }
      const script = heard(paused(open({ policy: { firstSpeaker: "user", endpointing } })), 0.3)
      const set = timer(script, "endpoint")
      return (set?._tag === "SetTimer" ? set.atSample ?? 0 : 0) / 16 - 500
    }
    assert.strictEqual(until(300, 700, 2_000), 700)
    assert.strictEqual(until(1_200, 700, 2_000), 1_200)
    assert.strictEqual(until(300, 3_000, 2_000), 2_000)
  })

  it("gives it more time, or less, when words change how it is judged", () => {
    const script = heard(paused(open({ interimTranscripts: true })), 0.3)
    script.interim("my number is")
    heard(script, 0.1)
    assert.deepInclude(timer(script, "endpoint"), { atSample: 2_500 * 16 })
    script.interim("my number is four two")
    heard(script, 0.3)
    assert.deepInclude(timer(script, "endpoint"), { atSample: 1_500 * 16 })
  })

  it("is sure of an unfinished turn where it judged the words alone", () => {
    const script = paused(open({ interimTranscripts: true })).interim("I would like")
    script.on({ _tag: "EndOfTurnPredicted", id: 2, probability: 0.3, heard: false })
    script.after(100).fires("endpoint")
    assert.deepInclude(timer(script, "endpoint"), { atSample: 2_500 * 16 })
  })

  it("cannot keep a turn open beyond maxSilence", () => {
    const script = heard(paused(open()), 0)
    script.take()
    script.after(1_800).fires("endpoint")
    assert.include(script.take(), "finalize 500")
    script.hears("I would like")
    assert.deepStrictEqual(script.historyLines, ["1 user: I would like"])
  })

  it("is overruled by words that come later in the same pause", () => {
    const script = heard(paused(open()), 0.9).hears("my number is four one five")
    assert.deepStrictEqual(script.historyLines, [], "the words are still to be judged")
    heard(script, 0.1)
    assert.deepInclude(script.state.user, { _tag: "Paused", extended: true })
    paused(script, 2_000)
    heard(script, 0.9).hears("my number is four one five five five five")
    heard(script, 0.9)
    assert.lengthOf(script.historyLines, 1)
  })

  it("ends the extended time when more words make the turn whole", () => {
    const script = heard(paused(open({ interimTranscripts: true })), 0.1)
    script.take()
    script.interim("what time is it")
    heard(script, 0.9)
    assert.include(script.take(), "finalize 500")
  })

  it("is not waited for beyond the silence of the policy and 300 ms", () => {
    const script = paused(open())
    assert.deepInclude(timer(script, "endpoint"), { atSample: 800 * 16 })
    script.after(100).fires("endpoint").hears("Stop.")
    assert.deepInclude(timer(script, "finalize"), { afterMs: 300 })
    assert.deepStrictEqual(script.historyLines, [])
    script.fires("finalize")
    assert.deepStrictEqual(script.historyLines, ["1 user: Stop."])
    script.take()
    assert.deepStrictEqual(heard(script, 0).take(), [], "its verdict on a turn that is over")
  })

  it("is ignored when it speaks of a pause that is over", () => {
    const script = paused(open())
    const late = { _tag: "EndOfTurnPredicted", id: 1, probability: 0.9, heard: true } as const
    script.starts(1_000)
    script.take()
    assert.deepStrictEqual(script.on(late).take(), [], "the user speaks on")
    script.stops(1_500)
    script.take()
    assert.deepStrictEqual(script.on(late).take(), [], "there is another pause")
    assert.include(heard(script.after(300), 0.9).take(), "finalize 1500")
  })

  it("leaves the end to silence where only the words were judged", () => {
    const script = paused(open({ interimTranscripts: true })).interim("Stop.")
    script.take()
    script.on({ _tag: "EndOfTurnPredicted", id: 2, probability: 0.9, heard: false })
    assert.deepStrictEqual(script.take(), [])
    assert.include(script.fires("endpoint").take(), "finalize 500")
  })

  it("starts a preemptive reply with the same verdict", () => {
    const policy = { firstSpeaker: "user", speculation: true } as const
    const script = paused(open({ interimTranscripts: true, policy })).interim("what time is it")
    script.take()
    assert.deepStrictEqual(heard(script, 0.9).take().filter((command) => /^\?|^finalize/u.test(command)), [
      "? Answer 1: what time is it",
      "finalize 500"
    ])
    assert.include(script.hears("what time is it").take(), "commit")
  })

  it("decides as well for a model that answers audio without words", () => {
    const script = heard(paused(open({ transcriptBased: false })), 0.1)
    assert.deepInclude(script.state.user, { _tag: "Paused", extended: true })
    paused(script, 1_500)
    script.take()
    heard(script, 0.9)
    assert.include(script.take(), "> Answer 1: ")
  })
})
