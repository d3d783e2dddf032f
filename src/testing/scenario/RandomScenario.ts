/**
 * Random scenarios: an erratic user, and engines and agents that are slow, fail or hang.
 *
 * Everything derives from one seed, so a conversation that found a fault can be repeated.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as Agent from "../../agent/Agent.ts"
import { type BackendError, ConnectionFailed, PipelineError } from "../../BackendError.ts"
import * as EndOfTurn from "../../engines/text/index.ts"
import type { EndlessSpeech } from "../scripted/ScriptedEngines.ts"
import * as ScriptedSpeechToSpeech from "../scripted/ScriptedSpeechToSpeech.ts"
import type { ScenarioOptions } from "./Scenario.ts"
import * as ScriptedUser from "./ScriptedUser.ts"

/**
 * The share of scenarios or answers, 0 to 1, in which something happens.
 *
 * @category models
 * @since 0.1.0
 */
export interface RandomScenarioOptions {
  /** Answers in which an engine or agent fails, hangs or returns garbage. Default: 0.08. */
  readonly faults?: number | undefined
  /** Scenarios with a speech-to-speech model. Default: 0.2. */
  readonly s2s?: number | undefined
  /** Of the other scenarios, those in which the recogniser decides the end of a turn. Default: 0.25. */
  readonly sttTurns?: number | undefined
  /** Scenarios in which agents, voices and recognisers send without end or at once what nobody takes. Default: 0.2. */
  readonly endless?: number | undefined
  /** Scenarios in which the machine's wall clock is stepped, by up to an hour either way. Default: 0.3. */
  readonly clockSteps?: number | undefined
  /** The maximum number of user actions. Default: 12. */
  readonly steps?: number | undefined
}

const vocabulary =
  "a the my please book table flight Paris tomorrow four seven hello weather and then what because price would like to"
    .split(" ")

const retryable = (op: string) => new ConnectionFailed({ op, message: "scripted: connection lost" })
const fatal = (op: string) => new PipelineError({ op, message: "scripted: request rejected", retryable: false })

const between = (min: number, max: number) => Random.nextIntBetween(min, max)
const chance = (share: number) => Effect.map(Random.next, (value) => value < share)
const times = <A>(count: number, make: Effect.Effect<A>) => Effect.all(Array.from({ length: count }, () => make))
const pick = <A>(options: ReadonlyArray<Effect.Effect<A>>): Effect.Effect<A> =>
  Effect.flatMap(between(0, options.length - 1), (index) => options[index] ?? Effect.die("no options"))

const words = Effect.flatMap(
  between(1, 8),
  (count) => times(count, Effect.map(between(0, vocabulary.length - 1), (index) => vocabulary[index] ?? "yes"))
).pipe(
  Effect.map((chosen) => chosen.join(" "))
)

/** Picks, of the first twelve answers, those that fail. */
const some = (share: number): Effect.Effect<ReadonlyArray<number>> =>
  Effect.map(times(12, chance(share)), (hits) => hits.flatMap((hit, index) => hit ? [index] : []))

const failures = (share: number, op: string): Effect.Effect<{ readonly [answer: number]: BackendError }> =>
  Effect.flatMap(some(share), (answers) =>
    Effect.map(
      Effect.forEach(answers, (answer) =>
        Effect.map(chance(0.15), (lasting) => [answer, lasting ? fatal(op) : retryable(op)] as const)),
      Object.fromEntries
    ))

/** Picks, of the first twelve answers of a speech-to-speech model, those that go wrong, and how. */
const s2sFaults = (share: number): Effect.Effect<{ readonly [answer: number]: ScriptedSpeechToSpeech.S2sFault }> =>
  Effect.flatMap(some(share), (answers) =>
    Effect.map(
      Effect.forEach(answers, (answer) =>
        Effect.map(
          between(0, ScriptedSpeechToSpeech.faults.length - 1),
          (index) => [answer, ScriptedSpeechToSpeech.faults[index] ?? "lost"] as const
        )),
      Object.fromEntries
    ))

type Behaviour = Stream.Stream<string, BackendError>

const sentence = Effect.gen(function*() {
  return `${yield* words}${(yield* chance(0.3)) ? "?" : "."}`
})

/** An answer in pieces, with pauses between them. */
const answer = Effect.gen(function*() {
  const first = yield* pick([Effect.succeed(0), between(0, 200), between(200, 2_000)])
  const gap = yield* pick([Effect.succeed(0), between(0, 300)])
  const text = (yield* times(yield* between(1, 4), sentence)).join(" ")
  const pieces = text.match(/.{1,7}/gu) ?? []
  return Stream.fromIterable(pieces).pipe(
    Stream.tap(() => gap === 0 ? Effect.void : Effect.sleep(gap)),
    (stream) => first === 0 ? stream : Stream.concat(Stream.fromEffectDrain(Effect.sleep(first)), stream)
  )
})

/** An answer that dies after some of its pieces, at once or later, in one of many ways. */
const dying = Effect.gen(function*() {
  const whole = yield* answer
  const pieces = Stream.take(whole, yield* between(0, 16))
  const laterMs = yield* pick([Effect.succeed(0), between(0, 400), between(400, 6_000)])
  const keepAlive = (text: string) => Stream.forever(Stream.fromEffect(Effect.as(Effect.sleep(300), text)))
  const death = yield* pick<Behaviour>([
    Effect.succeed(Stream.fail(retryable("Agent.respond"))),
    Effect.succeed(Stream.fail(fatal("Agent.respond"))),
    Effect.succeed(Stream.die("scripted: a bug")),
    Effect.succeed(Stream.fromEffect(Effect.interrupt)),
    Effect.succeed(Stream.never),
    Effect.succeed(keepAlive("")),
    Effect.succeed(keepAlive(" "))
  ])
  const later = laterMs === 0 ? death : Stream.concat(Stream.fromEffectDrain(Effect.sleep(laterMs)), death)
  return Stream.concat(pieces, later)
})

const wrong = pick<Behaviour>([
  dying,
  dying,
  dying,
  Effect.succeed(Stream.fail(fatal("Agent.respond"))),
  Effect.succeed(Stream.never),
  Effect.succeed(Stream.empty),
  Effect.succeed(Stream.die("scripted: a bug")),
  Effect.map(answer, (stream) => Stream.concat(Stream.take(stream, 2), Stream.never)),
  Effect.map(answer, (stream) => Stream.concat(Stream.take(stream, 4), Stream.fail(retryable("Agent.respond"))))
])

const agentOf = (faults: number, endless: Endless) =>
  Effect.map(
    times(16, Effect.flatMap(chance(faults), (bad): Effect.Effect<Behaviour> => bad ? wrong : answer)),
    // depends on the turn alone, so that the same scenario can be run again
    (behaviours) =>
      Agent.fromStream((_, { turn }) =>
        endless.agent[turn % behaviours.length] ?? behaviours[turn % behaviours.length] ?? Stream.empty
      )
  )

/** What is sent without end, or at once in a size that nobody takes. */
interface Endless {
  readonly agent: { readonly [answer: number]: Behaviour }
  readonly tts: { readonly [sentence: number]: EndlessSpeech }
  readonly stt: ReadonlyArray<number>
}

const atSome = <A>(share: number, make: Effect.Effect<A>): Effect.Effect<{ readonly [index: number]: A }> =>
  Effect.flatMap(
    some(share),
    (indices) =>
      Effect.map(
        Effect.forEach(indices, (index) => Effect.map(make, (value) => [index, value] as const)),
        Object.fromEntries
      )
  )

const endless = (share: number): Effect.Effect<Endless> =>
  Effect.all({
    agent: atSome(
      share,
      pick<Behaviour>([
        Effect.succeed(Stream.forever(Stream.succeed("and so on and on. "))),
        Effect.succeed(Stream.forever(Stream.succeed("aaaaaaaaaaaaaaaa"))),
        Effect.succeed(Stream.concat(Stream.succeed("```"), Stream.forever(Stream.succeed("code and code ")))),
        Effect.succeed(Stream.forever(Stream.succeed(""))),
        Effect.succeed(Stream.forever(Stream.succeed("\n"))),
        Effect.succeed(Stream.forever(Stream.fromIterable("and so on. "))),
        Effect.sync(() => Stream.succeed("word ".repeat(100_000)))
      ])
    ),
    tts: atSome(
      share,
      pick<EndlessSpeech>([
        Effect.succeed("nothing"),
        Effect.succeed("audio"),
        Effect.succeed("samples"),
        Effect.succeed("words")
      ])
    ),
    stt: some(share)
  })

const optional = { optional: true }

const steps: ReadonlyArray<Effect.Effect<ScriptedUser.Script>> = [
  Effect.map(words, (text) => [ScriptedUser.say(text)]),
  Effect.gen(function*() {
    return [ScriptedUser.say(yield* words, { msPerCharacter: yield* between(20, 120) })]
  }),
  Effect.map(words, (text) => [ScriptedUser.say(text), ScriptedUser.waitForAgentWithin("20 seconds", optional)]),
  Effect.map(words, (text) => [ScriptedUser.say(text), ScriptedUser.waitForAgentWithin("20 seconds", optional)]),
  Effect.gen(function*() {
    const speech = ScriptedUser.waitForSpeech(yield* between(0, 1_500), "8 seconds", optional)
    return [ScriptedUser.say(yield* words), speech, ScriptedUser.say(yield* words)]
  }),
  Effect.gen(function*() {
    const gap = ScriptedUser.pause(yield* between(20, 1_200))
    return [ScriptedUser.say(yield* words), gap, ScriptedUser.say(yield* words)]
  }),
  Effect.gen(function*() {
    const speech = ScriptedUser.waitForSpeech(yield* between(0, 1_500), "8 seconds", optional)
    const sound = yield* pick<ScriptedUser.Step>([
      Effect.map(between(40, 250), (ms) => ScriptedUser.cough(ms)),
      Effect.succeed(ScriptedUser.backchannel())
    ])
    return [ScriptedUser.say(yield* words), speech, sound, ScriptedUser.waitForAgentWithin("20 seconds", optional)]
  }),
  // a short answer, perhaps to a question
  Effect.gen(function*() {
    const speech = ScriptedUser.waitForSpeech(yield* between(0, 4_000), "8 seconds", optional)
    const short = ["yes", "okay", "sure", "no", "mhm", "ja"][yield* between(0, 5)] ?? "yes"
    const agent = ScriptedUser.waitForAgentWithin("20 seconds", optional)
    return [ScriptedUser.say(yield* words), speech, ScriptedUser.say(short), agent]
  }),
  // a stop button over speech that may not be interrupted, and a program that insists
  Effect.gen(function*() {
    const text = yield* sentence
    const force = yield* chance(0.3)
    return [
      ScriptedUser.perform(
        `says "${text}" without interruption`,
        (session) => Effect.ignore(session.say(text, { interruptible: false }))
      ),
      ScriptedUser.waitForSpeech(yield* between(0, 800), "8 seconds", optional),
      ScriptedUser.pressStop,
      ScriptedUser.say(yield* words),
      ScriptedUser.perform("interrupts", (session) => Effect.ignore(session.interrupt({ force })))
    ]
  }),
  Effect.map(between(0, 3_000), (ms) => [ScriptedUser.pause(ms)]),
  Effect.map(between(40, 600), (ms) => [ScriptedUser.cough(ms)]),
  Effect.map(between(100, 4_000), (ms) => [ScriptedUser.noise(ms)]),
  Effect.succeed([ScriptedUser.backchannel()]),
  Effect.map(words, (text) => [ScriptedUser.type(text)]),
  Effect.succeed([ScriptedUser.pressStop]),
  Effect.succeed([ScriptedUser.sendGarbage]),
  Effect.map(between(20, 5_000), (ms) => [ScriptedUser.loseNetwork(ms)]),
  Effect.map(sentence, (text) => [
    // a session that has ended, is ending or has a full utterance queue refuses: not a fault
    ScriptedUser.perform(`says "${text}"`, (session) => Effect.ignore(session.say(text)))
  ]),
  Effect.map(sentence, (text) => [
    ScriptedUser.perform(
      `says "${text}" without interruption`,
      (session) => Effect.ignore(session.say(text, { interruptible: false }))
    )
  ])
]

/** Steps of the wall clock within the first minute: by what NTP corrects, or by what a wrong time zone is off. */
const clockSteps = Effect.flatMap(between(1, 4), (count) =>
  times(
    count,
    Effect.gen(function*() {
      const size = yield* pick([
        Effect.succeed(1_000),
        Effect.succeed(20_000),
        Effect.succeed(3_600_000),
        between(1, 60_000)
      ])
      return { atMs: yield* between(0, 60_000), byMs: (yield* chance(0.5)) ? size : -size }
    })
  ))

/** Drawn from a seed of their own: a scenario is the same with and without them. */
const clockStepsOf = (seed: string, share: number): ScenarioOptions["clockSteps"] =>
  Effect.runSync(
    Effect.flatMap(chance(share), (stepped) => stepped ? clockSteps : Effect.undefined).pipe(
      Random.withSeed(`${seed} clock`)
    )
  )

/** Drawn from a seed of their own, too. */
const endlessOf = (seed: string, share: number): Endless =>
  Effect.runSync(
    Effect.flatMap(chance(share), (hit) => endless(hit ? 0.15 : 0)).pipe(Random.withSeed(`${seed} endless`))
  )

const ending = pick<ScriptedUser.Script>([
  Effect.succeed([]),
  Effect.succeed([ScriptedUser.waitForAgentWithin("10 seconds", optional)]),
  Effect.succeed([ScriptedUser.hangUp]),
  Effect.succeed([ScriptedUser.endCall]),
  Effect.succeed([
    ScriptedUser.perform("stops the session", (session) => Effect.asVoid(Effect.forkChild(Effect.ignore(session.stop))))
  ])
])

/**
 * Makes the scenario of a seed.
 *
 * **Example** (Repeating a conversation that found a fault)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Invariants, RandomScenario, Recording, Scenario } from "effect-voice/testing"
 * import assert from "node:assert"
 *
 * const seed = "42" // from the report of the failure
 * const call = await Effect.runPromise(Scenario.run(RandomScenario.fromSeed(seed)))
 * const again = await Effect.runPromise(Scenario.run(RandomScenario.fromSeed(seed)))
 *
 * assert.equal(Invariants.report(call), "")
 * assert.equal(Recording.timeline(again.trace), Recording.timeline(call.trace))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSeed = (seed: string, options: RandomScenarioOptions = {}): ScenarioOptions => {
  const faults = options.faults ?? 0.08
  const endless = endlessOf(seed, faults === 0 ? 0 : options.endless ?? 0.2)
  return Effect.runSync(
    Effect.gen(function*() {
      const user = yield* times(yield* between(2, options.steps ?? 12), pick(steps))
      const last = yield* ending
      const greeting = yield* pick([Effect.succeed(""), Effect.succeed(""), sentence])
      const goodbye = yield* pick([Effect.succeed(""), Effect.succeed("Goodbye then.")])
      const apology = yield* pick([Effect.succeed(""), Effect.succeed("Sorry, again please.")])
      const scenario: ScenarioOptions = {
        seed,
        clockSteps: clockStepsOf(seed, options.clockSteps ?? 0.3),
        user: [...user, last],
        agent: yield* agentOf(faults, endless),
        policy: {
          greeting,
          goodbye,
          apology,
          endpointing: {
            mode: (yield* chance(0.3)) ? "adaptive" : "fixed",
            silence: Duration.millis(yield* between(100, 1_000)),
            maxSilence: Duration.millis(yield* between(1_000, 3_000)),
            unsureSilence: Duration.millis(yield* between(500, 3_000))
          },
          interruption: {
            enabled: yield* chance(0.85),
            minSpeech: Duration.millis(yield* pick([between(0, 600), between(0, 600), between(600, 2_000)])),
            minWords: yield* pick([Effect.succeed(0), Effect.succeed(0), between(1, 3), between(3, 20)]),
            ignoreBackchannels: yield* chance(0.7),
            backchannels: (yield* chance(0.2)) ? ["please", "and then"] : [],
            patience: Duration.millis(yield* pick([between(200, 2_000), between(200, 2_000), between(100, 10_000)]))
          },
          echoGuard: yield* chance(0.7),
          speculation: yield* chance(0.4),
          away: {
            after: Duration.millis(yield* between(0, 20_000)),
            closeAfter: Duration.millis(yield* pick([Effect.succeed(0), Effect.succeed(0), between(1_000, 20_000)]))
          },
          longestNoise: Duration.millis(yield* between(2_000, 6_000)),
          longestTurn: Duration.millis(yield* between(5_000, 20_000))
        },
        config: {
          timeout: Duration.millis(yield* between(1_000, 5_000)),
          retryDelay: Duration.millis(yield* between(100, 500)),
          maxRetries: 3
        },
        tts: {
          msPerCharacter: yield* between(20, 80),
          delay: yield* pick([Effect.succeed(0), between(0, 500)]),
          failAt: yield* failures(faults, "TextToSpeech.speak"),
          hangAt: yield* some(faults / 2),
          endlessAt: endless.tts
        },
        turn: (yield* chance(0.4)) ? EndOfTurn.layer() : undefined,
        vad: { onsetMs: yield* between(20, 120), hangoverMs: yield* between(40, 250) },
        stt: {
          delayMs: yield* pick<number | ReadonlyArray<number>>([
            Effect.succeed(0),
            between(0, 800),
            times(5, between(0, 1_500))
          ]),
          interim: yield* chance(0.8),
          failAt: yield* failures(faults, "SpeechToText.events"),
          hangAt: (yield* chance(faults / 2)) ? "always" : yield* some(faults / 2),
          garbageAt: yield* some(faults),
          floodAt: endless.stt
        }
      }
      if (!(yield* chance(options.s2s ?? 0.2))) {
        if (!(yield* chance(options.sttTurns ?? 0.25))) return scenario
        // a third of the recognisers never report the end of a turn
        const endOfTurn = yield* pick([between(100, 1_200), between(100, 1_200), Effect.succeed(3_600_000)])
        return { ...scenario, turnDetection: "stt" as const, stt: { ...scenario.stt, endOfTurn } }
      }
      return {
        ...scenario,
        s2s: {
          answers: yield* times(yield* between(4, 12), sentence),
          turnAuthority: (yield* chance(0.5)) ? "own" as const : "remote" as const,
          delay: yield* between(0, 1_500),
          failAt: yield* failures(faults, "SpeechToSpeech.reply"),
          msPerCharacter: yield* between(20, 80),
          faultAt: yield* s2sFaults(faults),
          lateAfter: yield* between(2_000, 10_000),
          namesRequests: yield* chance(0.8),
          say: yield* chance(0.9),
          voice: yield* chance(0.3)
        }
      }
    }).pipe(Random.withSeed(seed))
  )
}
