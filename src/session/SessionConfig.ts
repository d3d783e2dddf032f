/**
 * What a session is asked to be.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Agent } from "../agent/Agent.ts"
import type { InvalidConfig } from "../BackendError.ts"
import type { ConversationPolicy } from "../conversation/ConversationPolicy.ts"
import * as Faults from "../schema/Faults.ts"

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
 * How deep objects and lists may stand in each other in the metadata of a session: 32 levels. Deeper ones overflow the
 * stack of whoever writes them as JSON.
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
 * Checks metadata; its faults are told by their paths, its values never.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeMetadata = (op: string, value: unknown): Effect.Effect<Metadata, InvalidConfig> =>
  Faults.decode(Metadata, value, { op, what: "the metadata is not valid", at: ["metadata"] })

const UserId = Schema.NonEmptyString.check(Schema.isMaxLength(256))

/**
 * A session as it is asked for over HTTP: the agent by its name. Snake case when encoded.
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
  token: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(8_192)))
}).pipe(Schema.encodeKeys({ userId: "user_id", connectionUrl: "connection_url", pipelineType: "pipeline_type" }))

/**
 * A session as a program asks for it.
 *
 * - `connectionUrl`: where the backend dials out; for a provider that is dialled, what `access` returns: leave it out.
 * - `agent`: a registered agent's name, or an agent; default: the backend's.
 * - `pipelineType`: default: the backend's.
 * - `token`: the user's credential for the `AuthHook`; it is not kept.
 * - `tenant`: whom the user belongs to, for rate limits; an `AuthHook` knows it better.
 * - `expiresAt`: Unix time in ms from which the user may no longer connect; an `AuthHook` knows it better. A conversation
 *   that is on goes on.
 * - `policy`: replaces the backend's policy for this conversation.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionConfig {
  readonly userId: string
  readonly transport: Transport
  readonly connectionUrl?: string | undefined
  readonly agent?: string | Agent | undefined
  readonly pipelineType?: PipelineType | undefined
  readonly metadata?: Metadata | undefined
  readonly token?: string | undefined
  readonly tenant?: string | undefined
  readonly expiresAt?: number | undefined
  readonly policy?: ConversationPolicy | undefined
}
