/**
 * The session object of the OpenAI Realtime protocol: what a client is told of it, with every default filled in, and what it may
 * change by `session.update`.
 *
 * Its keys are those of the protocol.
 *
 * https://platform.openai.com/docs/api-reference/realtime-sessions
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { withDefault } from "../../schema/Defaults.ts"
import * as Faults from "../../schema/Faults.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import { invalid, invalidValue, missing, type OpenAiFault, unknown } from "./Errors.ts"
import { Tools } from "./Tools.ts"

/**
 * The longest instructions of a client: 64 Ki characters, with what its system messages add.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_INSTRUCTIONS = 65_536

/**
 * How audio is coded on the wire: 16-bit linear PCM at 24 kHz, or G.711 at 8 kHz.
 *
 * @category models
 * @since 0.1.0
 */
export const AudioFormat = Schema.Union([
  Schema.Struct({ type: Schema.Literal("audio/pcm"), rate: Schema.Literal(24_000).pipe(withDefault(24_000 as const)) }),
  Schema.Struct({ type: Schema.Literal("audio/pcmu") }),
  Schema.Struct({ type: Schema.Literal("audio/pcma") })
])

/**
 * @category models
 * @since 0.1.0
 */
export type AudioFormat = typeof AudioFormat.Type

const Flag = Schema.Boolean.pipe(withDefault(true))
const Ms = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const Text = (length: number) => Schema.String.check(Schema.isMaxLength(length))

const ServerVad = Schema.Struct({
  type: Schema.Literal("server_vad"),
  threshold: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })).pipe(withDefault(0.5)),
  prefix_padding_ms: Ms(0, 10_000).pipe(withDefault(300)),
  silence_duration_ms: Ms(0, 10_000).pipe(withDefault(500)),
  idle_timeout_ms: Schema.NullOr(Ms(1_000, 3_600_000)).pipe(withDefault(null)),
  create_response: Flag,
  interrupt_response: Flag
})

const SemanticVad = Schema.Struct({
  type: Schema.Literal("semantic_vad"),
  eagerness: Schema.Literals(["low", "medium", "high", "auto"]).pipe(withDefault("auto" as const)),
  create_response: Flag,
  interrupt_response: Flag
})

/**
 * Who says when the user's turn is over: silence, the sense of what was said, or (`null`) the client.
 *
 * @category models
 * @since 0.1.0
 */
export const TurnDetection = Schema.NullOr(Schema.Union([ServerVad, SemanticVad]))

/**
 * @category models
 * @since 0.1.0
 */
export type TurnDetection = typeof TurnDetection.Type

const Transcription = Schema.NullOr(Schema.Struct({
  model: Text(256).pipe(withDefault("")),
  language: Schema.optionalKey(Text(64)),
  prompt: Schema.optionalKey(Text(4_096))
}))

const pcm = { type: "audio/pcm", rate: 24_000 } as const

const Input = Schema.Struct({
  format: AudioFormat.pipe(withDefault(pcm)),
  transcription: Transcription.pipe(withDefault(null)),
  noise_reduction: Schema.NullOr(Schema.Struct({ type: Schema.Literals(["near_field", "far_field"]) })).pipe(
    withDefault(null)
  ),
  turn_detection: TurnDetection.pipe(withDefault({ type: "server_vad" }))
})

const Output = Schema.Struct({
  format: AudioFormat.pipe(withDefault(pcm)),
  voice: Schema.Union([Text(256), Schema.Struct({ id: Text(256) })]).pipe(withDefault("marin")),
  speed: Schema.Finite.check(Schema.isBetween({ minimum: 0.25, maximum: 1.5 })).pipe(withDefault(1))
})

const Json = Schema.Json.pipe(withDefault(null))

const identity = {
  id: Schema.String,
  model: Schema.String,
  expires_at: Schema.Int
}

const Realtime = Schema.Struct({
  type: Schema.Literal("realtime"),
  object: Schema.Literal("realtime.session"),
  ...identity,
  output_modalities: Schema.Union([
    Schema.Tuple([Schema.Literal("audio")]),
    Schema.Tuple([Schema.Literal("text")])
  ]).pipe(withDefault(["audio"] as const)),
  instructions: Text(MAX_INSTRUCTIONS).pipe(withDefault("")),
  tools: Tools.List.pipe(withDefault([])),
  tool_choice: Tools.Choice.pipe(withDefault("auto" as const)),
  max_output_tokens: Schema.Union([Ms(1, 1_000_000), Schema.Literal("inf")]).pipe(withDefault("inf" as const)),
  truncation: Schema.Json.pipe(withDefault("auto")),
  tracing: Json,
  prompt: Json,
  include: Json,
  audio: Schema.Struct({ input: Input.pipe(withDefault({})), output: Output.pipe(withDefault({})) }).pipe(
    withDefault({})
  )
})

const Transcribing = Schema.Struct({
  type: Schema.Literal("transcription"),
  object: Schema.Literal("realtime.transcription_session"),
  ...identity,
  include: Json,
  audio: Schema.Struct({ input: Input.pipe(withDefault({})) }).pipe(withDefault({}))
})

/**
 * The session: one with an agent (`realtime`), or one that only writes down what is said (`transcription`).
 *
 * @category models
 * @since 0.1.0
 */
export const RealtimeSession = Schema.Union([Realtime, Transcribing])

/**
 * @category models
 * @since 0.1.0
 */
export type RealtimeSession = typeof RealtimeSession.Type

const decode = Schema.decodeUnknownResult(RealtimeSession)

/** Where objects are merged; everything else is replaced. */
const merged = new Set(["audio", "input", "output", "transcription"])
/** Where `null` is a value; elsewhere it says nothing, as some clients send it for what they do not set. */
const nullable = new Set(["transcription", "noise_reduction", "turn_detection", "tracing", "prompt", "include"])

const known = new Set([
  "type",
  "object",
  "id",
  "model",
  "expires_at",
  "output_modalities",
  "instructions",
  "tools",
  "tool_choice",
  "max_output_tokens",
  "truncation",
  "tracing",
  "prompt",
  "include",
  "audio"
])
/** What clients send that means nothing here. */
const ignored = new Set(["reasoning", "providerData", "parallel_tool_calls", "temperature", "client_secret"])
/** Fields of the protocol's beta, and what has come in their place. */
const beta: { readonly [name: string]: string } = {
  modalities: "output_modalities",
  voice: "audio.output.voice",
  speed: "audio.output.speed",
  input_audio_format: "audio.input.format",
  output_audio_format: "audio.output.format",
  input_audio_transcription: "audio.input.transcription",
  input_audio_noise_reduction: "audio.input.noise_reduction",
  turn_detection: "audio.input.turn_detection",
  max_response_output_tokens: "max_output_tokens"
}
/** Who the session is, which a client cannot change. */
const fixed = new Set(["object", "id", "model", "expires_at"])

const merge = (former: JsonRecord, update: JsonRecord): JsonRecord => {
  const out: { [key: string]: unknown } = { ...former }
  for (const [key, value] of Object.entries(update)) {
    if (value === null && !nullable.has(key)) continue
    const old = Object.hasOwn(former, key) ? former[key] : undefined
    if (key === "__proto__") continue
    // as Pipecat says that there is none
    if (key === "turn_detection" && value === false) out[key] = null
    else out[key] = merged.has(key) && isRecord(value) && isRecord(old) ? merge(old, value) : value
  }
  return out
}

const faultOf = (error: Schema.SchemaError): OpenAiFault => {
  const first = Faults.fromSchemaError(RealtimeSession, error)[0]
  const param = first === undefined || first.path === "" ? "session" : `session.${first.path}`
  return first?.message === "required" ? missing(param) : invalidValue(param, first?.message ?? "not a session")
}

const unknownOf = (update: JsonRecord): OpenAiFault | undefined => {
  for (const key of Object.keys(update)) {
    if (known.has(key) || ignored.has(key)) continue
    const now = Object.hasOwn(beta, key) ? beta[key] : undefined
    return unknown(`session.${key.slice(0, 64)}`, now === undefined ? "" : `It is 'session.${now}' now.`)
  }
  return undefined
}

const changed = (former: JsonRecord, update: JsonRecord): Result.Result<RealtimeSession, OpenAiFault> => {
  const fault = unknownOf(update) ?? Tools.faultOf(update["tools"], "session.tools")
  if (fault !== undefined) return Result.fail(fault)
  const own = Object.fromEntries(Object.entries(update).filter(([key]) => !fixed.has(key) && !ignored.has(key)))
  return Result.mapError(decode(merge(former, own)), faultOf)
}

/**
 * Who a session is: its id, the model as the client has named it, and until when it lasts at most (in Unix seconds).
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionIdentity {
  readonly id: string
  readonly model: string
  readonly expiresAt: number
  /** Default: as `given` says, or else `realtime`. */
  readonly type?: RealtimeSession["type"] | undefined
}

/**
 * A session with what a secret or the opening of a call has `given` for it, and the defaults for the rest.
 *
 * @category constructors
 * @since 0.1.0
 */
export const initial = (
  given: unknown,
  { expiresAt, id, model, type }: SessionIdentity
): Result.Result<RealtimeSession, OpenAiFault> => {
  if (given !== undefined && !isRecord(given)) return Result.fail(invalidValue("session", "expected an object"))
  const kind = given?.["type"] ?? type ?? "realtime"
  const object = kind === "transcription" ? "realtime.transcription_session" : "realtime.session"
  return changed({ type: kind, object, id, model, expires_at: expiresAt }, given ?? {})
}

/**
 * The session after `session.update`: objects are merged, lists and `turn_detection` replaced.
 *
 * - `hasSpoken`: whether the client has got audio: the voice cannot change any more.
 *
 * @category combinators
 * @since 0.1.0
 */
export const update = (
  session: RealtimeSession,
  change: unknown,
  hasSpoken: boolean
): Result.Result<RealtimeSession, OpenAiFault> => {
  if (change === undefined) return Result.fail(missing("session"))
  if (!isRecord(change)) return Result.fail(invalidValue("session", "expected an object"))
  const { type } = change
  if (type === undefined) return Result.fail(missing("session.type"))
  if (type !== session.type) {
    return Result.fail(
      type === "realtime" || type === "transcription"
        ? invalid("invalid_value", `Cannot change a ${session.type} session into a ${type} session.`, "session.type")
        : invalidValue("session.type", "expected 'realtime' or 'transcription'")
    )
  }
  const next = changed({ ...session }, change)
  if (Result.isFailure(next) || !hasSpoken) return next
  return voiceOf(next.success) === voiceOf(session)
    ? next
    : Result.fail(
      invalid(
        "cannot_update_voice",
        "Cannot update a session's voice once it has spoken.",
        "session.audio.output.voice"
      )
    )
}

/**
 * The name of the voice that the client has asked for; `undefined` where nobody speaks.
 *
 * @category accessors
 * @since 0.1.0
 */
export const voiceOf = (session: RealtimeSession): string | undefined => {
  if (session.type === "transcription") return undefined
  const { voice } = session.audio.output
  return typeof voice === "string" ? voice : voice.id
}
