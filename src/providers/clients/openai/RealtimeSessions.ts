/**
 * The sessions that OpenAI's clients start by connecting: who they are, which agent answers, and the place that is taken for them.
 *
 * Both transports of the Realtime API open their sessions here, the WebSocket and WebRTC.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import type { ProviderHost } from "../../../backend/provider/BackendProvider.ts"
import { CurrentCallers } from "../../../backend/provider/Callers.ts"
import { AuthenticationFailed, type BackendError, ConnectionFailed, InvalidConfig } from "../../../BackendError.ts"
import type { KnownUser } from "../../../hooks/AuthHook.ts"
import type { Resumption } from "../../../protocols/openai/ServerEvents.ts"
import type { PipelineType, SessionConfig, Transport } from "../../../session/SessionConfig.ts"
import type { VoiceSession } from "../../../session/VoiceSession.ts"
import * as SessionTokens from "../../../transport/SessionTokens.ts"
import type { Link, SessionLinks } from "../../SessionLinks.ts"
import * as Credentials from "./Credentials.ts"
import type { RealtimeConfig } from "./RealtimeConfig.ts"
import type * as RealtimeSecrets from "./RealtimeSecrets.ts"

/**
 * Who makes a request.
 *
 * - `Key`: a caller with an API key, who speaks for the user that they name.
 * - `Secret`: a client with a secret, its user, and the session that the secret is for.
 * - `User`: a user whose token the application's hook knows; without authentication everybody.
 *
 * @category models
 * @since 0.1.0
 */
export type Caller =
  | { readonly _tag: "Key"; readonly user: KnownUser }
  | { readonly _tag: "Secret"; readonly user: KnownUser; readonly session: Schema.JsonObject }
  | { readonly _tag: "User"; readonly userId: string; readonly token: string | undefined }

/**
 * - `model`: as the client asks for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenOptions {
  readonly model: string | undefined
  readonly transport: Transport
}

/**
 * - `model`: the name of what answers, for the session object.
 * - `resumption`: a token of the session, and until when it is good, in Unix seconds.
 * - `end`: ends the session of a client that could not be connected.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenedSession {
  readonly session: VoiceSession
  readonly link: Link
  readonly model: string
  readonly resumption: Resumption
  readonly end: Effect.Effect<void>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface RealtimeSessions {
  /** Fails `authentication_failed` for a caller whose key, secret or token is missing or wrong, as far as it is known yet. */
  readonly callerOf: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<Caller, BackendError>
  /** The user of a caller, asked for now: of one with a token, by the application's hook. */
  readonly identify: (caller: Caller) => Effect.Effect<KnownUser, BackendError>
  /** Creates a session of the caller. Fails like `createSession`: then nothing is left behind. It cannot be interrupted. */
  readonly open: (caller: Caller, options: OpenOptions) => Effect.Effect<OpenedSession, BackendError>
  /** The name of the model, as the client has it that asks for this one; without one, that of the agent that answers. */
  readonly modelOf: (asked: string | undefined) => string
}

const op = "RealtimeSessions.open"
const MAX_MODEL = 256
/** Of a session's token, where the host has no limits. */
const DEFAULT_TTL = Duration.minutes(10)
/** Where the agent that answers has no name. */
const UNNAMED = "default"
/** A secret of ours has five parts; what else begins like one may be a token of the application. */
const secretOfOurs = /^ek_(?:[\w-]*\.){4}[\w-]*$/

/**
 * - `config`: the section of the provider's config.
 *
 * @category models
 * @since 0.1.0
 */
export interface RealtimeSessionsOptions {
  readonly host: ProviderHost
  readonly links: Pick<SessionLinks, "linkOf">
  readonly secrets: RealtimeSecrets.RealtimeSecrets
  readonly config: RealtimeConfig
}

interface Model {
  readonly name: string
  readonly agent: string | undefined
  readonly pipelineType: PipelineType | undefined
}

const unauthenticated = () =>
  new AuthenticationFailed({
    op,
    message: "missing or invalid API key: send Authorization: Bearer <key>, or a client secret"
  })

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ config, host, links, secrets }: RealtimeSessionsOptions): RealtimeSessions => {
  const isAgent = (name: string | undefined): name is string =>
    name !== undefined && (host.agents?.().names.includes(name) ?? false)

  const resolve = (asked: string | undefined): Model => {
    const known = asked !== undefined && Object.hasOwn(config.models, asked) ? config.models[asked] : undefined
    const agent = known?.agent ?? (isAgent(asked) ? asked : undefined)
    return {
      // clients compare it with what they have asked for
      name: asked?.slice(0, MAX_MODEL) || host.agents?.().default || UNNAMED,
      agent,
      pipelineType: known?.pipelineType
    }
  }

  const resumptionOf = Effect.fnUntraced(function*(session: string, userId: string) {
    const tokens = yield* SessionTokens.make({ current: () => host.signingKey, former: host.formerKeys })
    const ttl = host.limits?.().tokenTtl ?? DEFAULT_TTL
    const expiresAt = (yield* Clock.currentTimeMillis) + Duration.toMillis(ttl)
    return { value: yield* tokens.issue(session, userId, expiresAt), expires_at: Math.ceil(expiresAt / 1_000) }
  })

  const callerOf: RealtimeSessions["callerOf"] = Effect.fnUntraced(function*(request) {
    const bearer = Credentials.bearerOf(request)
    if (bearer !== undefined && secretOfOurs.test(bearer)) {
      const { session, user } = yield* secrets.verify(bearer)
      return { _tag: "Secret", user, session }
    }
    const callers = yield* CurrentCallers
    const credential = callers.authenticate(bearer)
    if (credential === undefined) return yield* unauthenticated()
    const userId = Credentials.userOf(request)
    if (credential._tag === "User") {
      return { _tag: "User", userId, token: credential.token && Redacted.value(credential.token) }
    }
    return credential.byKey === true
      ? { _tag: "Key", user: { userId, tenant: undefined } }
      : { _tag: "User", userId, token: bearer }
  })

  const open: RealtimeSessions["open"] = Effect.fnUntraced(
    function*(caller, { model, transport }) {
      if (host.reserve === undefined) {
        return yield* new ConnectionFailed({ op, message: "the backend cannot reserve a place" })
      }
      if (model !== undefined && model.length > MAX_MODEL) {
        return yield* new InvalidConfig({
          op,
          message: `model: expected at most ${MAX_MODEL} characters`,
          details: { path: "model" }
        })
      }
      const place = yield* host.reserve
      const { agent, name, pipelineType } = resolve(model)
      const session: SessionConfig = {
        userId: caller._tag === "User" ? caller.userId : caller.user.userId,
        transport,
        metadata: { openai: { model: name } },
        ...(agent === undefined ? {} : { agent }),
        ...(pipelineType === undefined ? {} : { pipelineType }),
        ...(caller._tag === "User" && caller.token !== undefined ? { token: caller.token } : {})
      }
      const created = yield* place.create(session, caller._tag === "User" ? undefined : caller.user)
      const end = created.drain
      const link = yield* Effect.onError(links.linkOf(place.id), () => end)
      const resumption = yield* resumptionOf(place.id, created.session.config.userId)
      return { session: created.session, link, model: name, resumption, end }
    },
    Effect.scoped,
    Effect.uninterruptible
  )

  return {
    callerOf,
    identify: (caller) => {
      if (caller._tag !== "User") return Effect.succeed(caller.user)
      return host.identify === undefined
        ? Effect.succeed({ userId: caller.userId, tenant: undefined })
        : host.identify(caller.token, "session.create")
    },
    open,
    modelOf: (asked) => resolve(asked).name
  }
}
