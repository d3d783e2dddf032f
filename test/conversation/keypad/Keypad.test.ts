import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as DigitCollector from "../../../src/conversation/keypad/DigitCollector.ts"
import * as KeyedDigits from "../../../src/conversation/keypad/KeyedDigits.ts"
import * as SpokenDigits from "../../../src/conversation/keypad/SpokenDigits.ts"

const options: DigitCollector.DigitOptions = {
  min: 4,
  max: 6,
  terminator: "#",
  firstDigitTimeoutMs: 5_000,
  interDigitTimeoutMs: 2_000,
  bargeIn: true,
  voice: true
}

const run = (
  inputs: ReadonlyArray<DigitCollector.DigitInput>,
  own: Partial<DigitCollector.DigitOptions> = {}
): DigitCollector.DigitState =>
  inputs.reduce((state, input) => DigitCollector.step({ ...options, ...own }, state, input), DigitCollector.start(0))

const prompted: DigitCollector.DigitInput = { _tag: "PromptEnded", atMs: 0 }
const digit = (digit: string, atMs: number): DigitCollector.DigitInput => ({ _tag: "Digit", digit, atMs })
/** One key every 100 ms, from `atMs` on. */
const keys = (digits: string, atMs = 100) => [...digits].map((key, i) => digit(key, atMs + 100 * i))
const time = (atMs: number): DigitCollector.DigitInput => ({ _tag: "Time", atMs })

const Key = Schema.Literals([..."0123456789ABCD*#"])
const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const Keys = Schema.Array(Key).check(Schema.isMaxLength(40))

describe("DigitCollector", () => {
  it("collects up to the terminator, up to the most digits, and up to a pause", () => {
    assert.deepStrictEqual(run([prompted, ...keys("1234#")]).result, {
      _tag: "collected",
      digits: "1234",
      by: "keypad"
    })
    assert.deepStrictEqual(run([prompted, ...keys("123456")]).result, {
      _tag: "collected",
      digits: "123456",
      by: "keypad"
    })
    const waiting = run([prompted, ...keys("12345")])
    assert.strictEqual(waiting.deadlineMs, 500 + 2_000)
    assert.isUndefined(DigitCollector.step(options, waiting, time(2_499)).result)
    assert.deepStrictEqual(DigitCollector.step(options, waiting, time(2_500)).result, {
      _tag: "collected",
      digits: "12345",
      by: "keypad"
    })
  })

  it("tells too few digits from none", () => {
    assert.deepStrictEqual(run([prompted, ...keys("12#")]).result, { _tag: "too_short", digits: "12" })
    assert.deepStrictEqual(run([prompted, ...keys("#")]).result, { _tag: "too_short", digits: "" })
    assert.deepStrictEqual(run([prompted, ...keys("12"), time(2_200)]).result, { _tag: "too_short", digits: "12" })
    assert.deepStrictEqual(run([prompted, time(5_000)]).result, { _tag: "no_input" })
    assert.isUndefined(run([prompted, time(4_999)]).result)
  })

  it("takes the terminator as a digit when it is none", () => {
    assert.deepStrictEqual(run([prompted, ...keys("*1#2")], { terminator: "", max: 4 }).result, {
      _tag: "collected",
      digits: "*1#2",
      by: "keypad"
    })
  })

  it("lets a digit end the prompt, or drops it", () => {
    const barged = run([digit("1", 10)])
    assert.isFalse(barged.prompting)
    assert.strictEqual(barged.deadlineMs, 2_010)
    const patient = run([digit("1", 10)], { bargeIn: false })
    assert.isTrue(patient.prompting)
    assert.strictEqual(patient.digits, "")
    assert.strictEqual(patient.deadlineMs, 300_000)
    assert.strictEqual(run([digit("1", 10), { _tag: "PromptEnded", atMs: 20 }], { bargeIn: false }).deadlineMs, 5_020)
    // the end of a prompt that was interrupted changes nothing
    assert.strictEqual(run([digit("1", 10), { _tag: "PromptEnded", atMs: 500 }]).deadlineMs, 2_010)
  })

  it("begins the caller's time after a prompt that does not end", () => {
    const endless = run([time(299_999)])
    assert.isTrue(endless.prompting)
    const ended = DigitCollector.step(options, endless, time(300_000))
    assert.isFalse(ended.prompting)
    assert.strictEqual(ended.deadlineMs, 305_000)
  })

  it("takes spoken digits, and other words as what they are", () => {
    const spoken = (text: string, own?: Partial<DigitCollector.DigitOptions>) =>
      run([prompted, { _tag: "Spoken", text, atMs: 100 }], own).result
    assert.deepStrictEqual(spoken("Four, oh, double seven."), { _tag: "collected", digits: "4077", by: "voice" })
    assert.deepStrictEqual(spoken("vier null sieben sieben", { language: "de-DE" }), {
      _tag: "collected",
      digits: "4077",
      by: "voice"
    })
    assert.deepStrictEqual(spoken("I do not have it"), { _tag: "spoken", text: "I do not have it" })
    // too few and too many digits are words
    assert.deepStrictEqual(spoken("one two"), { _tag: "spoken", text: "one two" })
    assert.deepStrictEqual(spoken("1234567"), { _tag: "spoken", text: "1234567" })
    assert.isUndefined(spoken("  "))
    assert.isUndefined(spoken("one two three four", { voice: false }))
  })

  it("lets the first of voice and keypad win", () => {
    const spoken: DigitCollector.DigitInput = { _tag: "Spoken", text: "1 2 3 4", atMs: 250 }
    assert.deepStrictEqual(run([prompted, ...keys("98"), spoken, ...keys("76", 300)]).result, {
      _tag: "collected",
      digits: "1234",
      by: "voice"
    })
    assert.deepStrictEqual(run([prompted, ...keys("987#"), spoken]).result, { _tag: "too_short", digits: "987" })
  })

  it("does not time out while the caller speaks, for a minute at most, and then awaits the words", () => {
    const speaking = run([prompted, { _tag: "SpeechStarted", atMs: 4_900 }, time(5_000), time(64_899)])
    assert.isUndefined(speaking.result)
    assert.deepStrictEqual(DigitCollector.step(options, speaking, time(64_900)).result, { _tag: "no_input" })
    const own = { firstDigitTimeoutMs: 500 }
    const stopped = run(
      [prompted, { _tag: "SpeechStarted", atMs: 400 }, { _tag: "SpeechStopped", atMs: 1_000 }, time(3_999)],
      own
    )
    assert.isUndefined(stopped.result)
    assert.deepStrictEqual(DigitCollector.step({ ...options, ...own }, stopped, time(4_000)).result, {
      _tag: "no_input"
    })
    // a key ends the waiting for words
    assert.strictEqual(run([prompted, { _tag: "SpeechStarted", atMs: 400 }, digit("1", 500)]).deadlineMs, 2_500)
  })

  const Input = Schema.Union([
    Schema.Struct({ _tag: Schema.Literals(["PromptEnded", "SpeechStarted", "SpeechStopped", "Time"]) }),
    Schema.Struct({ _tag: Schema.Literal("Digit"), digit: Schema.Union([Key, Schema.Literals(["", "x", "12"])]) }),
    Schema.Struct({ _tag: Schema.Literal("Spoken"), text: Schema.Literals(["", "yes", "one two three four"]) })
  ])

  it.prop(
    "ends in time, never with more digits than asked for, and never changes a result",
    [
      Schema.Array(Schema.Tuple([Input, between(0, 3_000)])).check(Schema.isMaxLength(30)),
      between(0, 4),
      between(0, 4),
      Schema.Literals(["#", "*", ""]),
      Schema.Boolean,
      Schema.Boolean
    ],
    ([inputs, min, more, terminator, bargeIn, voice]) => {
      const own = { ...options, min, max: Math.max(1, min + more), terminator, bargeIn, voice }
      let state = DigitCollector.start(0)
      let atMs = 0
      for (const [input, gap] of inputs) {
        const before = state
        atMs += gap
        state = DigitCollector.step(own, state, { ...input, atMs } as DigitCollector.DigitInput)
        if (before.result !== undefined) assert.strictEqual(state, before)
        assert.isAtMost(state.digits.length, own.max)
        assert.isTrue(terminator === "" || !state.digits.includes(terminator))
        if (state.result?._tag === "collected") {
          assert.isAtLeast(state.result.digits.length, min)
          assert.isAtMost(state.result.digits.length, own.max)
        }
        assert.strictEqual(state.deadlineMs === undefined, state.result !== undefined)
      }
      state = DigitCollector.step(own, state, { _tag: "PromptEnded", atMs })
      const end = state.deadlineMs
      if (state.result === undefined) {
        assert.isDefined(end)
        assert.isAtMost(end! - atMs, 60_000)
        assert.isDefined(DigitCollector.step(own, state, { _tag: "Time", atMs: end! }).result)
      }
    }
  )
})

describe("SpokenDigits", () => {
  it("reads digits in seven languages", () => {
    const said: ReadonlyArray<readonly [string, string]> = [
      ["en", "zero one two three four five six seven eight nine"],
      ["de", "null eins zwo drei vier fünf sechs sieben acht neun"],
      ["fr", "zéro un deux trois quatre cinq six sept huit neuf"],
      ["es", "cero uno dos tres cuatro cinco seis siete ocho nueve"],
      ["it", "zero uno due tre quattro cinque sei sette otto nove"],
      ["pt-BR", "zero um dois três quatro cinco meia sete oito nove"],
      ["nl", "nul één twee drie vier vijf zes zeven acht negen"]
    ]
    for (const [language, text] of said) assert.strictEqual(SpokenDigits.parse(text, language), "0123456789", language)
  })

  it("reads what recognisers write, repeated digits, and keys", () => {
    assert.strictEqual(SpokenDigits.parse("415-555 01 23."), "4155550123")
    assert.strictEqual(SpokenDigits.parse("Triple five, double oh, hash"), "55500#")
    assert.strictEqual(SpokenDigits.parse("42", "ja"), "42")
  })

  it("reads no digits in other words", () => {
    for (
      const text of [
        "",
        "oh",
        "Um.",
        "one more",
        "double",
        "double double one",
        "twenty two",
        "no",
        "1.",
        " a ".repeat(300)
      ]
    ) {
      assert.strictEqual(SpokenDigits.parse(text), text === "1." ? "1" : undefined, text)
    }
    assert.isUndefined(SpokenDigits.parse("um", "pt"))
    assert.isUndefined(SpokenDigits.parse("eins zwei", "en"))
  })
})

describe("KeyedDigits", () => {
  const keyed = KeyedDigits.defaultOptions
  const press = (digits: string, from = KeyedDigits.initial, atMs = 0) =>
    [...digits].reduce(
      ({ state, turns }, key, i) => {
        const step = KeyedDigits.onDigit(keyed, state, key, atMs + i * 100)
        return { state: step.state, turns: step.turn === undefined ? turns : [...turns, step.turn] }
      },
      { state: from, turns: [] as ReadonlyArray<string> }
    )

  it("gathers digits until the terminator or a pause", () => {
    assert.deepStrictEqual(press("123#45#").turns, ["123#", "45#"])
    const { state, turns } = press("12")
    assert.deepStrictEqual(turns, [])
    assert.strictEqual(state.deadlineMs, 2_100)
    assert.isUndefined(KeyedDigits.onTime(state, 2_099).turn)
    assert.deepStrictEqual(KeyedDigits.onTime(state, 2_100), { state: KeyedDigits.initial, turn: "12" })
    assert.strictEqual(KeyedDigits.turnText("12#"), "The caller pressed 1 2 #.")
  })

  it("drops the terminator that follows a full collection, once and for one pause", () => {
    const after = KeyedDigits.afterCollection(keyed, 1_000)
    assert.deepStrictEqual(press("#", after, 2_999), { state: KeyedDigits.initial, turns: [] })
    assert.deepStrictEqual(press("#", after, 3_000).turns, ["#"])
    assert.deepStrictEqual(press("##", after, 1_100).turns, ["#"])
    assert.deepStrictEqual(press("1#", after, 1_100).turns, ["1#"])
  })

  it.prop(
    "loses no digit, adds none, and always knows when to ask again",
    [Schema.Array(Schema.Tuple([Key, between(0, 4_000)])).check(Schema.isMaxLength(80))],
    ([pressed]) => {
      let state = KeyedDigits.initial
      let atMs = 0
      let out = ""
      const take = (step: KeyedDigits.KeyedStep) => {
        state = step.state
        out += step.turn ?? ""
        if (step.turn !== undefined) assert.isAtMost(step.turn.length, keyed.max)
        assert.strictEqual(state.deadlineMs !== undefined, state.digits !== "")
      }
      for (const [key, gap] of pressed) {
        atMs += gap
        take(KeyedDigits.onTime(state, atMs))
        take(KeyedDigits.onDigit(keyed, state, key, atMs))
      }
      take(KeyedDigits.onTime(state, atMs + keyed.pauseMs))
      assert.strictEqual(out, pressed.map(([key]) => key).join(""))
      assert.strictEqual(state, KeyedDigits.initial)
    }
  )

  it.prop("takes no key that does not exist", [Keys], ([pressed]) => {
    const { state } = press("1")
    for (const key of ["", "x", "12", "\n", ...pressed.map((key) => `${key} `)]) {
      assert.strictEqual(KeyedDigits.onDigit(keyed, state, key, 0).state, state)
    }
  })
})
