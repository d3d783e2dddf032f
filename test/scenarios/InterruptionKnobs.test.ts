/**
 * What the user says over the agent, under every combination of the knobs that decide about it: compared with a few lines that
 * say what the descriptions of the knobs say.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import { Invariants, Scenario } from "../../src/testing/index.ts"

const { pause, say, waitForSpeech } = Scenario

/** Every nth combination; `verify:full` asks for all of them. */
const STRIDE = Number(process.env["EFFECT_VOICE_KNOBS_STRIDE"] ?? 331)

const story =
  "Once upon a time there was a king who lived in a castle by the sea. He was very sad. His daughter had left."

/** What the user says, how long that takes, and whether it is a backchannel. */
const utterances = [
  ["no", 120, false],
  ["stop", 180, false],
  ["hold on", 420, false],
  ["hold on a moment", 960, false],
  ["hold on a moment please i have a question", 2_460, false],
  ["okay", 240, true],
  ["oh i see", 900, true]
] as const

interface Knobs {
  readonly minSpeech: number
  readonly minWords: number
  readonly ignoreBackchannels: boolean
  readonly enabled: boolean
  readonly echoGuard: boolean
  readonly patience: number
  readonly interim: boolean
  readonly delayMs: number
  readonly sttTurns: boolean
  readonly utterance: typeof utterances[number]
}

const values: { readonly [Name in keyof Knobs]: ReadonlyArray<Knobs[Name]> } = {
  minSpeech: [0, 200, 500, 1_000, 2_000],
  minWords: [0, 1, 2, 3],
  ignoreBackchannels: [true, false],
  enabled: [true, false],
  echoGuard: [true, false],
  patience: [300, 1_000],
  interim: [true, false],
  delayMs: [0, 400],
  sttTurns: [false, true],
  utterance: utterances
}

const count = Object.values(values).reduce((product, { length }) => product * length, 1)
const combination = (index: number): Knobs => {
  let rest = index
  const pick = <A>(of: ReadonlyArray<A>): A => {
    const value = of[rest % of.length]
    if (value === undefined) throw new RangeError("no values")
    rest = Math.floor(rest / of.length)
    return value
  }
  return {
    minSpeech: pick(values.minSpeech),
    minWords: pick(values.minWords),
    ignoreBackchannels: pick(values.ignoreBackchannels),
    enabled: pick(values.enabled),
    echoGuard: pick(values.echoGuard),
    patience: pick(values.patience),
    interim: pick(values.interim),
    delayMs: pick(values.delayMs),
    sttTurns: pick(values.sttTurns),
    utterance: pick(values.utterance)
  }
}

type Outcome = "ignored" | "answered later" | "interrupts"

/** What the descriptions say. */
const described = (knobs: Knobs): Outcome => {
  const { enabled, ignoreBackchannels, minSpeech, minWords, utterance: [text, ms, backchannel] } = knobs
  // nothing is known of the words when the patience is over, and the user still speaks
  const { echoGuard, interim, patience } = knobs
  const needsWords = ignoreBackchannels || echoGuard
  if (enabled && needsWords && minWords === 0 && !interim && ms > Math.max(patience, minSpeech)) return "interrupts"
  if (backchannel && ignoreBackchannels) return "ignored"
  if (!enabled) return "answered later"
  if (text.split(" ").length < minWords) return "ignored"
  return ms < minSpeech ? "answered later" : "interrupts"
}

const observed = Effect.fnUntraced(function*(knobs: Knobs) {
  const { delayMs, echoGuard, interim, sttTurns, utterance: [text, ms], ...interruption } = knobs
  const call = yield* Scenario.run({
    agent: Agent.fromCallback((asked) => Effect.succeed(asked === "go" ? story : "All right.")),
    stt: { interim, delayMs, ...(sttTurns ? { endOfTurn: 300 } : {}) },
    ...(sttTurns ? { turnDetection: "stt" as const } : {}),
    policy: { echoGuard, interruption },
    user: [
      say("go"),
      waitForSpeech("1 second"),
      say(text, { msPerCharacter: ms / text.length }),
      pause("12 seconds")
    ]
  })
  assert.strictEqual(Invariants.report(call), "", JSON.stringify(knobs))
  const said = call.history.filter((item) => item.role === "user").map((item) => item.text)
  const cut = call.history.find((item) => item.role === "agent")?.interrupted
  if (said.length === 1) return cut === false ? "ignored" : `cut ${cut}, and not answered`
  assert.deepStrictEqual(said, ["go", text], "once, whole")
  assert.strictEqual(call.heardByUser.at(-1), "All right.")
  return cut === true ? "interrupts" : "answered later"
})

describe("The knobs of an interruption", () => {
  it.effect(
    `do what their descriptions say, in ${Math.ceil(count / STRIDE)} of ${count} combinations`,
    () =>
      Effect.gen(function*() {
        const wrong: Array<string> = []
        for (let index = 0; index < count; index += STRIDE) {
          const knobs = combination(index)
          const [should, does] = [described(knobs), yield* observed(knobs)]
          if (should !== does) wrong.push(`${should}, but ${does}: ${JSON.stringify(knobs)}`)
        }
        assert.deepStrictEqual(wrong, [])
      }),
    600_000
  )
})
