import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as BuiltinAgent from "../../src/builtin/BuiltinAgent.ts"
import * as SpokenNumber from "../../src/builtin/SpokenNumber.ts"
import * as Hibari from "../../src/engines/hibari/index.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import { agentInput } from "../support/AgentInput.ts"
import { slowness, timed } from "../support/CpuTime.ts"

const now = DateTime.makeZonedUnsafe("2026-11-22T15:07:00Z", { timeZone: "UTC" })
const say = (text: string, context: Partial<BuiltinAgent.AnswerContext> = {}) =>
  BuiltinAgent.answer(text, { now, ...context }).join(" ")

const phrases: ReadonlyArray<readonly [string, RegExp]> = [
  ["Hello.", /^Hello!/],
  ["Hi there!", /^Hello!/],
  ["Good morning", /^Hello!/],
  ["Hey, what's the time?", /^It is 3:07 PM\.$/],
  ["What time is it?", /^It is 3:07 PM\.$/],
  ["whats the time", /^It is 3:07 PM\.$/],
  ["Could you tell me the time, please?", /^It is 3:07 PM\.$/],
  ["What's the date today?", /^Today is Sunday, November 22, 2026\.$/],
  ["What day is it?", /^Today is Sunday/],
  ["What is the date and time?", /^It is 3:07 PM\. Today is Sunday/],
  ["Could you please count to twenty?", /^One\. Two\. .*Nineteen\. Twenty\.$/],
  ["Count to 20.", /^One\. .*Twenty\.$/],
  ["Can you count from five to eight", /^Five\. Six\. Seven\. Eight\.$/],
  ["Count down from three", /^Three\. Two\. One\.$/],
  ["Please count to one hundred and one", /only count/],
  ["Count to a million.", /million/],
  ["Count.", /^One\. .*Twenty\.$/],
  ["Who are you?", /built-in agent/],
  ["What's your name?", /built-in agent/],
  ["How are you?", /very well/],
  ["Hello, how are you doing?", /very well/],
  ["Thank you very much!", /welcome/],
  ["Goodbye.", /^Goodbye/],
  ["Okay, bye.", /^Goodbye/],
  ["Stop.", /^Okay\.$/],
  ["Stop it, please.", /^Okay\.$/],
  ["Help", /I can tell you/],
  ["What can you do?", /I can tell you/],
  ["Spell hello.", /^H, E, L, L, O\.$/],
  ["How do you spell voice?", /^V, O, I, C, E\.$/],
  ["What is two plus three?", /^2 plus 3 is 5\.$/],
  ["What's 12 times 4?", /^12 times 4 is 48\.$/],
  ["How much is twenty one minus thirty?", /^21 minus 30 is minus 9\.$/],
  ["What is ten divided by four", /^10 divided by 4 is 2\.5\.$/],
  ["What is seven divided by zero?", /zero/],
  ["What's 5 + 3?", /^5 plus 3 is 8\.$/],
  ["Repeat after me: the quick brown fox.", /^The quick brown fox\.$/],
  ["Say good things come slowly", /^Good things come slowly\.$/],
  [
    "My phone number is 415. Five, five, five. Zero, one, two, three.",
    /^I noted ten digits: four one five, five five five, zero one two three\.$/
  ],
  ["It's (415) 555-0123.", /^I noted ten digits: four one five, five five five, zero one two three\.$/],
  ["Call me at five five five oh one two three", /^I noted seven digits: five five five, zero one two three\.$/],
  ["What is two plus 12345?", /^2 plus 12345 is 12347\.$/],
  ["Say 1 2 3 4 5", /^1 2 3 4 5\.$/],
  ["I was born in 1984.", /^I heard you say: I was born in 1984\.$/],
  ["My name is Ada Lovelace.", /^Nice to meet you, Ada Lovelace\.$/],
  ["Can you hear me?", /I hear you/],
  ["He was in a fevered state of mind.", /^I heard you say: He was in a fevered state of mind\.$/],
  ["Is it going to rain?", /^I heard you say: Is it going to rain\?$/],
  ["", /did not catch/],
  ["...", /did not catch/]
]

describe("BuiltinAgent", () => {
  for (const [phrase, expected] of phrases) {
    it(`answers ${JSON.stringify(phrase)}`, () => assert.match(say(phrase), expected))
  }

  it("repeats what was said before", () => {
    assert.strictEqual(say("What did I just say?", { before: "the sky is blue" }), "You said: The sky is blue.")
    assert.strictEqual(say("Say that again.", { said: "It is late." }), "It is late.")
    assert.match(say("What did I say?"), /not said anything/)
  })

  it.effect.prop("answers anything with sentences", [Schema.String], ([text]) =>
    Effect.sync(() => {
      const sentences = BuiltinAgent.answer(text, { now })
      assert.isAbove(sentences.length, 0)
      for (const sentence of sentences) assert.isAbove(sentence.trim().length, 0)
    }), { arbitrary: { runs: 300 } })

  it("answers hostile text within 250 ms of CPU time", () => {
    for (const text of ["a ".repeat(8_000), "one plus ".repeat(1_800), "count ".repeat(2_500), "1 ".repeat(8_000)]) {
      const answer = () => assert.isAbove(BuiltinAgent.answer(text, { now }).length, 0)
      assert.isBelow(Math.min(timed(answer), timed(answer)), 250 * slowness(), text.slice(0, 20))
    }
  })

  it("reads and writes numbers", () => {
    for (let i = 0; i <= 100; i++) assert.strictEqual(SpokenNumber.parse(SpokenNumber.toWords(i)), i)
    assert.strictEqual(SpokenNumber.parse("two thousand three hundred and five"), 2305)
    assert.strictEqual(SpokenNumber.parse("minus seven"), -7)
    assert.isUndefined(SpokenNumber.parse("seven cats"))
    assert.isUndefined(SpokenNumber.parse(""))
  })

  it.effect("streams sentence by sentence and knows the user's time zone", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(DateTime.toEpochMillis(now))
      const run = (transcript: string, metadata: { readonly [key: string]: unknown }) =>
        Stream.runCollect(BuiltinAgent.agent.respond({ ...agentInput, transcript, metadata }))
      assert.deepEqual(yield* run("What time is it?", { time_zone: "Asia/Tokyo" }), ["It is 12:07 AM."])
      assert.deepEqual(yield* run("Count to three", { time_zone: "Not/AZone" }), ["One.", " Two.", " Three."])
    }))

  it.effect("greets in less than 8 s with what it can do", () =>
    Effect.gen(function*() {
      const voice = yield* (yield* TextToSpeech).open({ sessionId: "s" })
      const chunks = yield* Stream.runCollect(voice.speak(Stream.make(BuiltinAgent.greeting)))
      assert.isBelow(chunks.reduce((sum, { pcm }) => sum + pcm.length, 0) / 24_000, 8)
      // what it invites to
      assert.match(BuiltinAgent.greeting, /the time.*a sentence.*count to twenty/)
      assert.match(say("What time is it?"), /^It is/)
      assert.match(say("The trains to the north leave at noon."), /^I heard you say: The trains/)
      assert.match(say("Count to twenty."), /^One.*Twenty\.$/)
    }).pipe(Effect.scoped, Effect.provide(Hibari.layer())))
})
