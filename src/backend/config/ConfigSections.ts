/**
 * The sections of a backend's config, each with its defaults and bounds.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { AudioBranch } from "../../audio/AudioBranch.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { Options, secret } from "../../schema/Secret.ts"

/**
 * The name of an engine, a provider, an agent or a processor: 1 to 128 characters.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Name = Schema.NonEmptyString.check(Schema.isMaxLength(128))

/**
 * How a backend ends its conversations when it is stopped.
 *
 * - `mode`: what a session may finish: the `turn` in flight, or the whole `conversation`. With `hand_over` it does not end: after the turn in
 *   flight it is left to whichever process its user connects to next, with its history; a session that is not stored ends after its
 *   turn. `turn`.
 * - `deadline`: sessions that are still running after it are interrupted. 20 s, [0, 1 h].
 *
 * @category models
 * @since 0.1.0
 */
export const DrainConfig = Schema.Struct({
  mode: Schema.Literals(["turn", "conversation", "hand_over"]).pipe(withDefault("turn" as const)),
  deadline: boundedDuration(0, "1 hour").pipe(withDefault("20s"))
})

/** At least as long as the output of HMAC-SHA256, 32 bytes. */
const SigningKey = secret({ min: 32, max: 512 })

/**
 * The limits of a session.
 *
 * - `connectWindow`: a session whose user has not connected within it ends as `never_connected`. 60 s.
 * - `resumeWindow`: how long a session waits for a disconnected user to reconnect. 60 s.
 * - `longest`: the maximum duration of a session, from its creation, by whatever processes. 1 h.
 * - `tokenTtl`: how long a session's token is valid; at least the resume window. While a session has its user, or waits for them
 *   to reconnect, an expired token is accepted as well; that of a LiveKit room, which LiveKit checks, is valid for `longest`.
 *   10 min.
 * - `signingKey`: the secret that signs tokens, at least 32 characters. Default: a key that is generated once and kept in
 *   the session store, so that all processes on the store share it.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionLimits = Schema.Struct({
  connectWindow: boundedDuration("1 second", "1 hour").pipe(withDefault("1 minute")),
  resumeWindow: boundedDuration(0, "1 hour").pipe(withDefault("1 minute")),
  longest: boundedDuration("10 seconds", "24 hours").pipe(withDefault("1 hour")),
  tokenTtl: boundedDuration("10 seconds", "24 hours").pipe(withDefault("10 minutes")),
  signingKey: Schema.optionalKey(SigningKey)
}).check(Schema.makeFilter(({ resumeWindow, tokenTtl }) =>
  Duration.isLessThan(tokenTtl, resumeWindow)
    ? { path: ["tokenTtl"], issue: "expected at least session.resume_window" }
    : undefined
)).pipe(encodeKeys({
  connectWindow: "connect_window",
  resumeWindow: "resume_window",
  tokenTtl: "token_ttl",
  signingKey: "signing_key"
}))

/**
 * Where active sessions are stored, so that they survive a crash or restart of the process.
 *
 * - `kind`: `memory` stores nothing outside the process; `sqlite` is a file; `postgres` and `redis` are for several
 *   machines; else the name of a store in the application's `StoreRegistry`. `memory`; `effect-voice serve` uses `sqlite`.
 * - `path`: the file of `sqlite`. Default: `effect-voice/sessions.db` in the user's state directory.
 * - `url`: the address of `postgres` or `redis`, a secret.
 * - `lease`: how long a process may go without renewing before another process may take over its sessions. 5 s, [1 s, 5 min].
 * - `options`: the options of a store of the application's own.
 *
 * @category models
 * @since 0.1.0
 */
export const StoreConfig = Schema.Struct({
  kind: Name.pipe(withDefault("memory")),
  path: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(4_096))),
  url: Schema.optionalKey(secret({ min: 1 })),
  lease: boundedDuration("1 second", "5 minutes").pipe(withDefault("5s")),
  options: Schema.optionalKey(Options)
})

/**
 * @category models
 * @since 0.1.0
 */
export type StoreConfig = typeof StoreConfig.Type

const Period = Schema.Union([Schema.Literal("off"), boundedDuration("1 second", "3650 days")]).pipe(
  withDefault("off" as const)
)

/**
 * How long each kind of a session's data is kept after the session has ended, where no `DataRetentionHook` decides. `off`,
 * the default, keeps nothing.
 *
 * - `directory`: where recordings and transcripts are stored. Default: `effect-voice/kept` in the user's state directory.
 * - `audio`: a stereo recording, the user on the left, the agent on the right.
 * - `transcript`: the words of both sides, as they were heard.
 * - `metadata`: the session's metadata, its start and its end.
 * - `events`: the session's events, without words.
 *
 * @category models
 * @since 0.1.0
 */
export const RetentionConfig = Schema.Struct({
  directory: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(4_096))),
  audio: Period,
  transcript: Period,
  metadata: Period,
  events: Period
})

/**
 * An audio processor by name. Processors run in the order of `order`, equal ones in the order of the list.
 *
 * - `name`: the name that the application registered it by.
 * - `order`: lower runs earlier. Default: the processor's own.
 * - `options`: the options of the processor.
 * - `appliesTo`: which consumers get the processed audio. Default: all of them (`stt`, `vad`, `receive`).
 * - `onFailure`: a failing processor is bypassed for a while (`bypass`, the default), or ends the session (`stop`).
 *
 * @category models
 * @since 0.1.0
 */
export const ProcessorConfig = Schema.Struct({
  name: Name,
  order: Schema.optionalKey(Schema.Int),
  options: Schema.optionalKey(Options),
  appliesTo: Schema.optionalKey(Schema.NonEmptyArray(AudioBranch)),
  onFailure: Schema.optionalKey(Schema.Literals(["bypass", "stop"]))
}).pipe(encodeKeys({ appliesTo: "applies_to", onFailure: "on_failure" }))

/**
 * When the backend is overloaded. Above either bound it rejects new sessions; from half of a bound on it also turns interim
 * transcripts and preemptive replies off. Conversations in progress are not affected otherwise.
 *
 * - `maxLag`: the event-loop lag that may be exceeded only a tenth of the time. 50 ms, [10 ms, 10 s].
 * - `maxBacklog`: how long speech may wait for the embedded recogniser. 2 s, [100 ms, 30 s].
 *
 * @category models
 * @since 0.1.0
 */
export const OverloadConfig = Schema.Struct({
  maxLag: boundedDuration("10 millis", "10 seconds").pipe(withDefault("50ms")),
  maxBacklog: boundedDuration("100 millis", "30 seconds").pipe(withDefault("2s"))
}).pipe(encodeKeys({ maxLag: "max_lag", maxBacklog: "max_backlog" }))
