/**
 * The configuration of one session: in code (`SessionConfig`) and over HTTP (`SessionRequest`).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Agent } from "../agent/Agent.ts"
import type { InvalidConfig } from "../BackendError.ts"
import { ConversationPolicy } from "../conversation/ConversationPolicy.ts"
import { encodeKeys } from "../schema/EncodedKeys.ts"
import * as Faults from "../schema/Faults.ts"
import * as SessionSpeech from "../speech/SessionSpeech.ts"
import type { CallDetails } from "./call/CallDetails.ts"

/**
 * The two pipelines: speech → text → agent → speech, or a speech-to-speech model.
 *
 * @category models
 * @since 0.1.0
 */
export const PipelineType = Schema.Literals(["stt_tts", "s2s"])

/**
 * @category models
 * @since 0.1.0
 */
export type PipelineType = typeof PipelineType.Type

/**
 * How the user's audio travels. `websocket` also covers an in-memory connection.
 *
 * @category models
 * @since 0.1.0
 */
export const Transport = Schema.Literals(["webrtc", "websocket"])

/**
 * @category models
 * @since 0.1.0
 */
export type Transport = typeof Transport.Type

/**
 * The largest metadata of a session, as JSON: 16 KiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_METADATA_BYTES = 16_384

/**
 * How deep objects and lists may be nested in the metadata of a session: 32 levels. Much deeper ones would overflow the
 * stack when they are written as JSON.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_METADATA_DEPTH = 32

const deeper = (value: Schema.Json, levels: number): boolean =>
  typeof value === "object" && value !== null &&
  (levels === 0 || Object.values(value).some((inner) => deeper(inner, levels - 1)))

/**
 * A JSON object of at most 16 KiB and 32 levels.
 *
 * @category models
 * @since 0.1.0
 */
export const Metadata = Schema.Record(Schema.String, Schema.Json).check(
  Schema.makeFilter((value) => {
    if (deeper(value, MAX_METADATA_DEPTH)) return `expected at most ${MAX_METADATA_DEPTH} levels`
    return new TextEncoder().encode(JSON.stringify(value)).length <= MAX_METADATA_BYTES ||
      `expected at most ${MAX_METADATA_BYTES} bytes of JSON`
  })
)

/**
 * @category models
 * @since 0.1.0
 */
export type Metadata = typeof Metadata.Type

/**
 * Decodes metadata. The error names the paths of its faults, and never a value.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeMetadata = (op: string, value: unknown): Effect.Effect<Metadata, InvalidConfig> =>
  Faults.decode(Metadata, value, { op, what: "invalid metadata", at: ["metadata"] })

/**
 * Checks the policy that a conversation is to go on with.
 *
 * @category decoding
 * @since 0.1.0
 */
export const checkPolicy = (policy: ConversationPolicy): Effect.Effect<ConversationPolicy, InvalidConfig> =>
  Faults.check(ConversationPolicy, policy, {
    op: "VoiceSession.updatePolicy",
    what: "the policy is not valid",
    at: ["conversation"]
  })

/**
 * The language, voice, key terms and text settings of a session.
 *
 * @category models
 * @since 0.1.0
 */
export const Speech = Schema.Struct(SessionSpeech.fields)

/**
 * @category models
 * @since 0.1.0
 */
export type Speech = typeof Speech.Type

/**
 * Decodes the language, voice and key terms of a session that a program asks for; what is `undefined` is left out.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeSpeech = (
  op: string,
  speech: SessionSpeech.SessionSpeech
): Effect.Effect<Speech, InvalidConfig> => {
  const given = speechOf(speech)
  // most sessions bring none, and creating a session is on the path of a call
  return Object.keys(given).length === 0
    ? Effect.succeed(given)
    : Faults.decode(Speech, given, { op, what: "invalid session configuration" })
}

const UserId = Schema.NonEmptyString.check(Schema.isMaxLength(256))

/**
 * The body of `POST /v1/sessions`: the agent by its name. Snake case when encoded.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionRequest = Schema.Struct({
  userId: UserId,
  transport: Transport,
  connectionUrl: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(2_048))),
  agent: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(256))),
  pipelineType: Schema.optionalKey(PipelineType),
  metadata: Schema.optionalKey(Metadata),
  ...SessionSpeech.fields,
  token: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(8_192)))
}).pipe(encodeKeys({ userId: "user_id", connectionUrl: "connection_url", pipelineType: "pipeline_type" }))

/**
 * The configuration of a session.
 *
 * - `userId`: whose session it is; an `AuthHook` overrides it.
 * - `connectionUrl`: where the backend dials out. For a provider that is dialled it is what `access` returns: leave it out.
 * - `agent`: a registered agent's name, or an agent. Default: the backend's.
 * - `pipelineType`: default: the backend's.
 * - `language`: what the user and the agent speak, BCP 47, such as `en-GB`. Default: the engines'.
 * - `voice`: the name of a voice of the engine that speaks. Default: the engine's.
 * - `keyterms`: words to expect, such as names and products; at most 100 of 128 characters. Default: none.
 * - `text`: how text is prepared for the voice: its language, tags that are kept, pronunciations, over the backend's
 *   settings. Default: the backend's.
 * - `token`: the user's credential for the `AuthHook`; it is not stored.
 * - `tenant`: the user's tenant, for rate limits; an `AuthHook` overrides it.
 * - `expiresAt`: Unix time in ms from which the user may no longer connect; an `AuthHook` overrides it. An established
 *   conversation is not ended by it.
 * - `call`: the telephone call that the session belongs to; set by the provider of an inbound call, and by `dial`.
 * - `inputSampleRate`: of the user's audio, in Hz, where it is known before it comes, as that of a telephone call: a recogniser that
 *   takes this rate is given the audio as it is. Audio of any other rate is converted. Default: unknown.
 * - `policy`: replaces the backend's policy for this conversation.
 *
 * `createSession` fails `invalid_config` when an engine of the session does not support its language, voice or key terms.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionConfig extends SessionSpeech.SessionSpeech {
  readonly userId: string
  readonly transport: Transport
  readonly connectionUrl?: string | undefined
  readonly agent?: string | Agent | undefined
  readonly pipelineType?: PipelineType | undefined
  readonly metadata?: Metadata | undefined
  readonly token?: string | undefined
  readonly tenant?: string | undefined
  readonly expiresAt?: number | undefined
  readonly call?: CallDetails | undefined
  readonly inputSampleRate?: number | undefined
  readonly policy?: ConversationPolicy | undefined
}

/**
 * The fields of a configuration that the engines need; those that are not set are left out.
 *
 * @category accessors
 * @since 0.1.0
 */
export const speechOf = ({ keyterms, language, text, voice }: SessionSpeech.SessionSpeech): Speech => ({
  ...(language === undefined ? {} : { language }),
  ...(voice === undefined ? {} : { voice }),
  ...(keyterms === undefined ? {} : { keyterms }),
  ...(text === undefined ? {} : { text })
})
