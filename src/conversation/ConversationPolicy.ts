/**
 * How a conversation behaves: when a turn is over, what interrupts, who speaks first.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../schema/Defaults.ts"
import { boundedDuration } from "../schema/Durations.ts"

const Endpointing = Schema.Struct({
  mode: Schema.Literals(["fixed", "adaptive"]).pipe(withDefault("fixed" as const)),
  silence: boundedDuration("100 millis", "5 seconds").pipe(withDefault("300ms")),
  maxSilence: boundedDuration("100 millis", "30 seconds").pipe(withDefault("2s")),
  threshold: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })).pipe(withDefault(0.5))
}).pipe(Schema.encodeKeys({ maxSilence: "max_silence" }))

const Interruption = Schema.Struct({
  enabled: Schema.Boolean.pipe(withDefault(true)),
  minSpeech: boundedDuration(0, "2 seconds").pipe(withDefault("200ms")),
  minWords: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })).pipe(withDefault(0)),
  ignoreBackchannels: Schema.Boolean.pipe(withDefault(true)),
  backchannels: Schema.Array(Schema.NonEmptyString.check(Schema.isMaxLength(80))).check(Schema.isMaxLength(200)).pipe(
    withDefault([])
  ),
  patience: boundedDuration("100 millis", "10 seconds").pipe(withDefault("1s"))
}).pipe(Schema.encodeKeys({
  minSpeech: "min_speech",
  minWords: "min_words",
  ignoreBackchannels: "ignore_backchannels"
}))

const Away = Schema.Struct({
  after: boundedDuration(0, "1 hour").pipe(withDefault("15s")),
  closeAfter: boundedDuration(0, "24 hours").pipe(withDefault("0ms"))
}).pipe(Schema.encodeKeys({ closeAfter: "close_after" }))

/**
 * How patient the agent is with a slow speaker, and how hard it is to interrupt, are separate things: `endpointing` and
 * `interruption`.
 *
 * - `firstSpeaker`: `agent` greets with `greeting` when a user first attaches; `user` waits.
 * - `greeting`: what is said first; `""` says nothing, here and in the other texts.
 * - `goodbye`: what is heard before a close that we begin.
 * - `apology`: what is said when the agent failed before its first word.
 * - `endpointing`: when the user's turn is over.
 * - `endpointing.silence`: how long the user must be silent for the turn to be over. 300 ms, [100 ms, 5 s].
 * - `endpointing.mode`: `adaptive` makes it one and a half times the user's own pauses, between `silence` and
 *   `maxSilence`.
 * - `endpointing.maxSilence`: how long a turn waits that sounds unfinished to the turn detector. 2 s, [100 ms, 30 s].
 * - `endpointing.threshold`: the probability of an end below which a turn sounds unfinished. 0.5, [0, 1].
 * - `interruption`: how hard it is to interrupt the agent.
 * - `interruption.enabled`: whether speaking over the agent stops it: it falls silent at the first sound. Otherwise it
 *   speaks on, and the user's turn waits for its end.
 * - `interruption.minSpeech`: how much speech it takes to stop the agent for good; it goes on where it stopped after
 *   less. 200 ms, [0, 2 s].
 * - `interruption.minWords`: how many words it takes. 0, [0, 20].
 * - `interruption.ignoreBackchannels`: "mhm" and "right" stop nobody. true.
 * - `interruption.backchannels`: phrases of one's own that stop nobody either.
 * - `interruption.patience`: how long the agent stays silent for speech whose words are not known, from its beginning
 *   while it lasts and from its end on; at most twice as long in all. 1 s, [100 ms, 10 s].
 * - `echoGuard`: what repeats the agent's own words while it speaks is its echo, and not a user. true.
 * - `speculation`: ask the agent at the user's pause, before the turn is over; the answer is only used when it is. false.
 * - `away`: what happens when the user says nothing for long.
 * - `away.after`: the user has been silent for so long: an event. 15 s, 0 for never.
 * - `away.closeAfter`: the session ends with the goodbye. 0, for never.
 * - `longestNoise`: speech without a word for so long is music or noise, and no longer keeps the turn open. 20 s, [2 s,
 *   10 min].
 * - `longestTurn`: a turn without end is answered after this. 60 s, [5 s, 10 min].
 *
 * @category models
 * @since 0.1.0
 */
export const ConversationPolicy = Schema.Struct({
  firstSpeaker: Schema.Literals(["agent", "user"]).pipe(withDefault("agent" as const)),
  greeting: Schema.String.pipe(withDefault("")),
  goodbye: Schema.String.pipe(withDefault("")),
  apology: Schema.String.pipe(withDefault("Sorry, something went wrong. Could you say that again?")),
  endpointing: Endpointing.pipe(withDefault({})),
  interruption: Interruption.pipe(withDefault({})),
  echoGuard: Schema.Boolean.pipe(withDefault(true)),
  speculation: Schema.Boolean.pipe(withDefault(false)),
  away: Away.pipe(withDefault({})),
  longestNoise: boundedDuration("2 seconds", "10 minutes").pipe(withDefault("20s")),
  longestTurn: boundedDuration("5 seconds", "10 minutes").pipe(withDefault("1 minute"))
}).pipe(Schema.encodeKeys({
  firstSpeaker: "first_speaker",
  echoGuard: "echo_guard",
  longestNoise: "longest_noise",
  longestTurn: "longest_turn"
}))

/**
 * @category models
 * @since 0.1.0
 */
export type ConversationPolicy = typeof ConversationPolicy.Type

/**
 * The policy of a backend that says nothing about it.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultPolicy: ConversationPolicy = Schema.decodeSync(ConversationPolicy)({})
