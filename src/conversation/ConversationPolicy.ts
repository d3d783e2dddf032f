/**
 * The policy of a conversation: endpointing, interruptions, who speaks first.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../schema/Defaults.ts"
import { boundedDuration } from "../schema/Durations.ts"
import { encodeKeys } from "../schema/EncodedKeys.ts"

/**
 * The most characters of a text that the agent says by itself: some 5 min of speech.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_SAID = 4_096

const Said = Schema.String.check(Schema.isMaxLength(MAX_SAID))

const Endpointing = Schema.Struct({
  mode: Schema.Literals(["fixed", "adaptive"]).pipe(withDefault("fixed" as const)),
  silence: boundedDuration("100 millis", "5 seconds").pipe(withDefault("300ms")),
  maxSilence: boundedDuration("100 millis", "30 seconds").pipe(withDefault("2s")),
  unsureSilence: boundedDuration("100 millis", "30 seconds").pipe(withDefault("1s")),
  threshold: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })).pipe(withDefault(0.5))
}).pipe(encodeKeys({ maxSilence: "max_silence", unsureSilence: "unsure_silence" }))

const Interruption = Schema.Struct({
  enabled: Schema.Boolean.pipe(withDefault(true)),
  minSpeech: boundedDuration(0, "2 seconds").pipe(withDefault("200ms")),
  minWords: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })).pipe(withDefault(0)),
  ignoreBackchannels: Schema.Boolean.pipe(withDefault(true)),
  backchannels: Schema.Array(Schema.NonEmptyString.check(Schema.isMaxLength(80))).check(Schema.isMaxLength(200)).pipe(
    withDefault([])
  ),
  patience: boundedDuration("100 millis", "10 seconds").pipe(withDefault("1s"))
}).pipe(encodeKeys({
  minSpeech: "min_speech",
  minWords: "min_words",
  ignoreBackchannels: "ignore_backchannels"
}))

const Away = Schema.Struct({
  after: boundedDuration(0, "1 hour").pipe(withDefault("15s")),
  closeAfter: boundedDuration(0, "24 hours").pipe(withDefault("0ms"))
}).pipe(encodeKeys({ closeAfter: "close_after" }))

/**
 * The policy. `endpointing` decides how long the agent waits for a slow speaker; `interruption`, separately, how easily it is
 * interrupted.
 *
 * A short answer to a question is no backchannel: what the user says from the last second of a reply on whose last sentence is
 * a question is its answer, however short, and whatever `minSpeech` and `minWords`. A question with more text after it does
 * not count.
 *
 * - `firstSpeaker`: `agent` greets with `greeting` when a user first attaches; `user` waits.
 * - `greeting`: what the agent says first; `""` says nothing, here and in the other texts. At most 4,096 characters each.
 *   Without it the agent greets in its own words, if it has a `greeting`.
 * - `goodbye`: what the agent says before a close that the backend begins.
 * - `apology`: what the agent says when an answer failed before any of it was audible.
 * - `turns`: `manual`: the user's turn ends by `EndTurn` alone (`VoiceSession.control`), as with push to talk; what the user says
 *   still interrupts the agent, as `interruption` has it. `endpointing`, `longestNoise`, `longestTurn`, the recogniser and the turn
 *   detector then end no turn. Not where a speech-to-speech model decides turns. automatic.
 * - `answers`: `on_request`: a turn that is over is put into the history, and answered by `Respond` alone
 *   (`VoiceSession.control`). automatic.
 * - `output`: `text`: what the agent says is sent as text alone (`agent.transcript`), as it is written, and no voice is asked. Not
 *   where a speech-to-speech model answers by itself. audio.
 * - `endpointing`: when the user's turn is over.
 * - `endpointing.silence`: the user's silence that ends a turn, unless the recogniser or a model decides. A turn that the
 *   detector heard to be finished ends up to 100 ms earlier. 300 ms, [100 ms, 5 s].
 * - `endpointing.mode`: `adaptive` uses 1.5 times the user's average pause instead, between `silence` and `maxSilence`.
 * - `endpointing.maxSilence`: the silence that ends a turn which the turn detector takes for unfinished. 2 s, [100 ms, 30 s].
 * - `endpointing.unsureSilence`: the same where the detector, by the sound of the turn, gives at least half of `threshold`: it may
 *   be over. At least `silence`, at most `maxSilence`. 1 s, [100 ms, 30 s].
 * - `endpointing.threshold`: a turn whose predicted probability of an end is lower sounds unfinished. 0.5, [0, 1].
 * - `interruption`: what interrupts the agent.
 * - `interruption.enabled`: whether the user can interrupt the agent, which pauses at the first sound. Otherwise it speaks on,
 *   and the user's turn, spoken or typed, is answered after it. A client's `agent.interrupt` (a stop button) is refused.
 * - `interruption.minSpeech`: how much speech interrupts the agent: all sounds of the user's turn together. After less it
 *   resumes where it paused, and what was said is answered after its reply, together with what the user says until then.
 *   200 ms, [0, 2 s].
 * - `interruption.minWords`: how many words interrupt the agent. Fewer are ignored, as backchannels are. 0, [0, 20].
 * - `interruption.ignoreBackchannels`: backchannels ("mhm", "right") over the agent do not interrupt it and are not
 *   answered. true.
 * - `interruption.backchannels`: further phrases that count as backchannels, besides the built-in ones of the session's
 *   language: English, German, French, Spanish, Italian, Portuguese, Dutch; without a language, those of all; in any other
 *   language, sounds ("mhm") and "okay".
 * - `interruption.patience`: how long the paused agent waits for a transcript: from the beginning of the speech while it lasts,
 *   and from its end after that; at most twice this in all. Then it stops if the user still speaks, nothing is recognised and
 *   `minWords` is 0; otherwise it resumes, and the words decide when they come. 1 s, [100 ms, 10 s].
 * - `echoGuard`: whether the agent's own voice, come back from a loudspeaker, is kept from interrupting it. While the agent is
 *   heard, and half a second longer, sound that the audio played explains does not reach the engines; and a transcript of three
 *   or more words that repeats the agent's own is ignored. What a user says over the echo is heard if it is louder by some 6 dB.
 *   A session keeps its first setting for the sound. true.
 * - `speculation`: preemptive replies: the agent is asked at the user's pause, and its answer is used only if the turn is
 *   over. false.
 * - `away`: what happens when the user is silent for long.
 * - `away.after`: silence after which `user.away` is emitted. 15 s, 0 for never.
 * - `away.closeAfter`: further silence after which the session ends with the goodbye. 0, for never.
 * - `longestNoise`: sound without a transcript for this long is noise or music, and no longer keeps the turn open, where the
 *   recogniser sends interim transcripts. 20 s, [2 s, 10 min].
 * - `longestTurn`: a turn is answered after this even if the user is still speaking. 60 s, [5 s, 10 min].
 *
 * @category models
 * @since 0.1.0
 */
export const ConversationPolicy = Schema.Struct({
  firstSpeaker: Schema.Literals(["agent", "user"]).pipe(withDefault("agent" as const)),
  greeting: Schema.optionalKey(Said),
  goodbye: Said.pipe(withDefault("")),
  apology: Said.pipe(withDefault("Sorry, something went wrong. Could you say that again?")),
  turns: Schema.Literals(["automatic", "manual"]).pipe(withDefault("automatic" as const)),
  answers: Schema.Literals(["automatic", "on_request"]).pipe(withDefault("automatic" as const)),
  output: Schema.Literals(["audio", "text"]).pipe(withDefault("audio" as const)),
  endpointing: Endpointing.pipe(withDefault({})),
  interruption: Interruption.pipe(withDefault({})),
  echoGuard: Schema.Boolean.pipe(withDefault(true)),
  speculation: Schema.Boolean.pipe(withDefault(false)),
  away: Away.pipe(withDefault({})),
  longestNoise: boundedDuration("2 seconds", "10 minutes").pipe(withDefault("20s")),
  longestTurn: boundedDuration("5 seconds", "10 minutes").pipe(withDefault("1 minute"))
}).pipe(encodeKeys({
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
 * The default policy.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultPolicy: ConversationPolicy = Schema.decodeSync(ConversationPolicy)({})
