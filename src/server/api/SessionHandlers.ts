/**
 * The API's handlers for sessions: from requests to the backend and back.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Redacted from "effect/Redacted"
import type { SessionPage } from "../../backend/BackendContract.ts"
import type { SessionAccess } from "../../backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../backend/VoiceBackend.ts"
import { SessionNotFound } from "../../BackendError.ts"
import type { Operation } from "../../hooks/AuthHook.ts"
import type { CallDetails } from "../../session/call/CallDetails.ts"
import * as CallOperations from "../../session/call/CallOperations.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import * as Principal from "../access/Principal.ts"
import { Api } from "./Api.ts"
import * as LongAnswers from "./LongAnswers.ts"
import * as PublicAddress from "./PublicAddress.ts"

/** A provider that only knows a path leaves the rest of the URL to the server. */
const absolute = (access: SessionAccess, transport: "webrtc" | "websocket", base: string): string => {
  if (!access.connectionUrl.startsWith("/")) return access.connectionUrl
  const url = `${base}${access.connectionUrl}`
  return transport === "websocket" ? url.replace(/^http/, "ws") : url
}

/** How many sessions a page has where the request does not say it. */
const PAGE = 100

/**
 * The URL of exactly the node that has a session, if it has one. Where it cannot be found out, the general one does as well:
 * any node passes the connection on.
 */
const nodeUrlOf = ({ locate }: VoiceBackend["Service"], id: string): Effect.Effect<string | undefined> =>
  locate === undefined
    ? Effect.undefined
    : locate(id).pipe(
      Effect.map((place) => place._tag === "Here" || place._tag === "There" ? place.nodeUrl : undefined),
      Effect.orElseSucceed(() => undefined)
    )

const callOf = ({ carrier, direction, from, to }: CallDetails) => ({
  carrier,
  direction,
  ...(from === undefined ? {} : { from }),
  ...(to === undefined ? {} : { to })
})

const view = Effect.fnUntraced(function*(session: VoiceSession) {
  const { agent, call, pipelineType, transport, userId } = session.config
  const name = typeof agent === "string" ? agent : agent?.name
  const language = yield* session.language
  return {
    id: session.id,
    userId,
    transport,
    ...(pipelineType === undefined ? {} : { pipelineType }),
    ...(name === undefined ? {} : { agent: name }),
    ...(language === undefined ? {} : { language }),
    state: yield* session.state.get,
    persistenceStatus: yield* session.persistenceStatus,
    ...(call === undefined ? {} : { call: callOf(call) }),
    metadata: yield* session.metadata
  }
})

const notFound = (op: string, message: string, id: string) =>
  new SessionNotFound({ op, message, details: { session: id.slice(0, 64) } })

const noRecording = (id: string) => notFound("SessionArchive.list", "no recording for this session", id)

/** The sessions that the caller may see. Another user's session does not exist for them. */
const access = (backend: VoiceBackend["Service"]) => {
  const find = Effect.fnUntraced(function*(id: string, operation: Operation) {
    const isVisible = yield* Principal.authorize(backend, operation)
    const session = yield* backend.getSession(id)
    if (isVisible(session.config)) return session
    return yield* notFound("VoiceBackend.getSession", "no session has this id", id)
  })
  /** A caller with a key reaches the recordings of any session, a user those of their running sessions. */
  const archiveOf = Effect.fnUntraced(function*(id: string, operation: Operation) {
    const credential = yield* Principal.CurrentCredential
    if (credential._tag !== "Trusted") yield* find(id, operation)
    if (backend.archive !== undefined) return backend.archive
    return yield* noRecording(id)
  })
  return { find, archiveOf }
}

/**
 * The handlers of the group `sessions`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (address: PublicAddress.PublicAddress) =>
  HttpApiBuilder.group(
    Api,
    "sessions",
    Effect.fnUntraced(function*(handlers) {
      const backend = yield* VoiceBackend
      const { archiveOf, find } = access(backend)
      const inTurn = LongAnswers.make()
      return handlers.handleAll({
        create: Effect.fnUntraced(function*({ payload, request }) {
          const credential = yield* Principal.CurrentCredential
          // A user who creates a session for themselves need not send the token twice.
          const bearer = credential._tag === "User" ? credential.token : undefined
          const token = payload.token ?? (bearer && Redacted.value(bearer))
          const session = yield* backend.createSession({ ...payload, ...(token === undefined ? {} : { token }) })
          const link = yield* backend.access(session.id).pipe(
            // A session that no client can connect to is closed.
            Effect.onError(() => Effect.ignore(backend.closeSession(session.id)))
          )
          const base = PublicAddress.baseOf(address, request)
          const direct = link.connectionUrl.startsWith("/") ? yield* nodeUrlOf(backend, session.id) : undefined
          const { expiresAt, iceServers = [], protocol } = link
          return HttpApiSchema.withHeaders({
            body: {
              id: session.id,
              connectionUrl: absolute(
                link,
                payload.transport,
                direct?.replace(/\/+$/, "") ?? base
              ),
              ...(link.token === undefined ? {} : { token: link.token }),
              ...(expiresAt === undefined ? {} : { expiresAt }),
              ...(iceServers.length === 0 ? {} : { iceServers }),
              ...(protocol === undefined ? {} : { protocol }),
              state: yield* session.state.get
            },
            headers: { location: PublicAddress.sessionPath(base, session.id) }
          })
        }),
        list: Effect.fnUntraced(function*({ query: { after, limit } }) {
          const isVisible = yield* Principal.authorize(backend, "session.list")
          const isPage = limit !== undefined || after !== undefined
          const { next, sessions } = yield* inTurn(
            isPage
              ? backend.listPage({ after, limit: limit ?? PAGE })
              : Effect.map(backend.listSessions, (sessions): SessionPage => ({ sessions }))
          )
          return {
            sessions: yield* Effect.forEach(sessions.filter(({ config }) => isVisible(config)), view),
            ...(next === undefined ? {} : { next })
          }
        }),
        get: ({ params }) => Effect.flatMap(find(params.id, "session.read"), view),
        history: Effect.fnUntraced(function*({ params }) {
          const session = yield* find(params.id, "session.read")
          return { history: yield* inTurn(session.history) }
        }),
        close: ({ params }) => Effect.andThen(find(params.id, "session.close"), backend.closeSession(params.id)),
        data: Effect.fnUntraced(function*({ params }) {
          const archive = yield* archiveOf(params.id, "session.read")
          const kept = yield* archive.list(params.id)
          return kept.length === 0 ? yield* noRecording(params.id) : { kept }
        }),
        eraseData: Effect.fnUntraced(function*({ params }) {
          const archive = yield* archiveOf(params.id, "session.close")
          if ((yield* archive.erase(params.id)) === 0) return yield* noRecording(params.id)
        }),
        control: ({ params, payload }) =>
          Effect.flatMap(find(params.id, "call.control"), (session) => CallOperations.run(session, payload)),
        patchMetadata: Effect.fnUntraced(function*({ params, payload }) {
          const session = yield* find(params.id, "session.update")
          yield* session.updateMetadata(payload)
          return yield* session.metadata
        })
      })
    })
  )
