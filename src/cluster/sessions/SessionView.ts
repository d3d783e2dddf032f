/**
 * A session, as another node sees it: what can be sent of it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Backend } from "../../backend/BackendContract.ts"
import type { SessionAccess } from "../../backend/provider/ProviderInfo.ts"
import type { BackendError } from "../../BackendError.ts"
import { ConversationPolicy } from "../../conversation/ConversationPolicy.ts"
import { CallDetails } from "../../session/call/CallDetails.ts"
import { Metadata, PipelineType, type SessionConfig, speechOf, Transport } from "../../session/SessionConfig.ts"
import { SessionState } from "../../session/SessionEvent.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import * as SessionSpeech from "../../speech/SessionSpeech.ts"

const Text = (characters: number) => Schema.String.check(Schema.isMaxLength(characters))

/**
 * The configuration of a session that another node has checked: the agent by its name, and no token.
 *
 * @category models
 * @since 0.1.0
 */
export const CheckedConfig = Schema.Struct({
  userId: Text(256),
  tenant: Schema.optionalKey(Text(256)),
  expiresAt: Schema.optionalKey(Schema.Finite),
  transport: Transport,
  connectionUrl: Schema.optionalKey(Text(2_048)),
  agent: Schema.optionalKey(Text(256)),
  pipelineType: Schema.optionalKey(PipelineType),
  call: Schema.optionalKey(CallDetails),
  inputSampleRate: Schema.optionalKey(Schema.Finite),
  metadata: Schema.optionalKey(Metadata),
  policy: Schema.optionalKey(ConversationPolicy),
  ...SessionSpeech.fields
})

/**
 * @category models
 * @since 0.1.0
 */
export type CheckedConfig = typeof CheckedConfig.Type

const IceServer = Schema.Struct({
  urls: Schema.Union([Schema.String, Schema.Array(Schema.String)]),
  username: Schema.optionalKey(Schema.String),
  credential: Schema.optionalKey(Schema.String)
})

/** What the session's user needs to connect. The secrets in it are sent in plain between nodes, over signed requests. */
const Access = Schema.Struct({
  connectionUrl: Schema.String,
  token: Schema.optionalKey(Schema.String),
  expiresAt: Schema.optionalKey(Schema.Finite),
  iceServers: Schema.optionalKey(Schema.Array(IceServer)),
  protocol: Schema.optionalKey(Schema.String)
})

/**
 * The state of a session, also of one that no process has.
 *
 * @category models
 * @since 0.1.0
 */
export const ShownState = Schema.Union([SessionState, Schema.Literal("detached")])

/**
 * A session at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionView = Schema.Struct({
  id: Schema.String,
  config: CheckedConfig,
  state: ShownState,
  persistenceStatus: Schema.Literals(["active", "completed"]),
  metadata: Metadata,
  language: Schema.optionalKey(Schema.String),
  access: Access
})

/**
 * @category models
 * @since 0.1.0
 */
export type SessionView = typeof SessionView.Type

const defined = <A>(key: string, value: A | undefined) => value === undefined ? {} : { [key]: value }

/**
 * The configuration as it can be sent; an agent that has no name is left out.
 *
 * @category conversions
 * @since 0.1.0
 */
export const configOf = (config: SessionConfig): CheckedConfig => {
  const { agent, call, connectionUrl, expiresAt, inputSampleRate, metadata, pipelineType, policy } = config
  const { tenant, transport, userId } = config
  return {
    userId,
    transport,
    ...defined("tenant", tenant),
    ...defined("expiresAt", expiresAt),
    ...defined("connectionUrl", connectionUrl),
    ...defined("agent", typeof agent === "string" ? agent : agent?.name),
    ...defined("pipelineType", pipelineType),
    ...defined("call", call),
    ...defined("inputSampleRate", inputSampleRate),
    ...defined("metadata", metadata),
    ...defined("policy", policy),
    ...speechOf(config)
  }
}

const fromAccess = ({ connectionUrl, expiresAt, iceServers, protocol, token }: SessionAccess): typeof Access.Type => ({
  connectionUrl,
  ...defined("token", token),
  ...defined("expiresAt", expiresAt),
  ...defined("protocol", protocol),
  ...(iceServers === undefined ? {} : {
    iceServers: iceServers.map(({ credential, urls, username }) => ({
      urls,
      ...defined("username", username),
      ...defined("credential", credential === undefined ? undefined : Redacted.value(credential))
    }))
  })
})

/**
 * What the user of a session needs to connect.
 *
 * @category conversions
 * @since 0.1.0
 */
export const accessOf = ({ access: { iceServers, ...access } }: SessionView): SessionAccess => ({
  ...access,
  ...(iceServers === undefined ? {} : {
    iceServers: iceServers.map(({ credential, ...server }) => ({
      ...server,
      ...(credential === undefined ? {} : { credential: Redacted.make(credential) })
    }))
  })
})

/**
 * A session of a backend, as it is now.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = Effect.fnUntraced(function*(
  backend: Pick<Backend, "access">,
  session: VoiceSession
): Effect.fn.Return<SessionView, BackendError> {
  const language = yield* session.language
  return {
    id: session.id,
    config: configOf(session.config),
    state: yield* session.state.get,
    persistenceStatus: yield* session.persistenceStatus,
    metadata: yield* session.metadata,
    ...defined("language", language),
    access: fromAccess(yield* backend.access(session.id))
  }
})
