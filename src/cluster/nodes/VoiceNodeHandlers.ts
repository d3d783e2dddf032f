/**
 * How a node answers the others, from the backend of its process.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Backend } from "../../backend/BackendContract.ts"
import {
  type BackendError,
  detailsForUsers,
  isInternal,
  messageForUsers,
  normalize,
  SessionNotFound
} from "../../BackendError.ts"
import * as BackendErrors from "../../BackendError.ts"
import * as CallOperations from "../../session/call/CallOperations.ts"
import * as DigitCollection from "../../session/call/DigitCollection.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import * as SessionView from "../sessions/SessionView.ts"
import { VoiceNode } from "./VoiceNode.ts"

/** The time limit of what is done for another node; the asking node waits for less. */
const ANSWER_DEADLINE = "1 minute"
/** A user who is asked for digits may take so long. */
const COLLECT_DEADLINE = "10 minutes"

const isJson = Schema.is(Schema.Json)

const errors = {
  invalid_config: BackendErrors.InvalidConfig,
  provider_not_found: BackendErrors.ProviderNotFound,
  connection_failed: BackendErrors.ConnectionFailed,
  connection_timeout: BackendErrors.ConnectionTimeout,
  session_not_found: BackendErrors.SessionNotFound,
  session_limit_exceeded: BackendErrors.SessionLimitExceeded,
  rate_limit_exceeded: BackendErrors.RateLimitExceeded,
  authentication_failed: BackendErrors.AuthenticationFailed,
  authorization_failed: BackendErrors.AuthorizationFailed,
  pipeline_error: BackendErrors.PipelineError,
  agent_error: BackendErrors.AgentError,
  timeout: BackendErrors.Timeout,
  context_canceled: BackendErrors.ContextCanceled
} as const

/**
 * An error as it is sent: without its cause, and of one that is for the log only what a user may see. This node has logged the rest.
 *
 * @category conversions
 * @since 0.1.0
 */
export const portable = (error: BackendError): BackendError => {
  const internal = isInternal(error)
  const details = internal ? detailsForUsers(error) : error.details
  const shown = Object.entries(details ?? {}).filter(([, value]) => isJson(value))
  return new errors[error.code]({
    op: error.op,
    message: internal ? messageForUsers(error) : error.message,
    retryable: error.retryable,
    ...(shown.length === 0 ? {} : { details: Object.fromEntries(shown) })
  })
}

const answered = <A>(op: string, effect: Effect.Effect<A, BackendError>, within: Duration.Input = ANSWER_DEADLINE) =>
  effect.pipe(
    Effect.timeoutOrElse({
      duration: within,
      orElse: () => Effect.fail(new BackendErrors.Timeout({ op, message: "the node took too long" }))
    }),
    normalize(op),
    Effect.mapError(portable)
  )

const noArchive = (op: string, id: string) =>
  new SessionNotFound({ op, message: "no recording for this session", details: { session: id.slice(0, 64) } })

/** A page that ends before it has too many bytes; what is too much is not even looked at. */
const listed = Effect.fnUntraced(function*(
  local: Backend,
  page: { readonly after?: string | undefined; readonly limit: number },
  maxBytes: number
) {
  const { next, sessions } = yield* local.listPage(page)
  const views: Array<SessionView.SessionView> = []
  let bytes = 0
  let last: string | undefined
  for (const session of sessions) {
    const view = yield* Effect.option(SessionView.of(local, session))
    // one that ends meanwhile is left out
    if (view._tag === "Some") {
      bytes += Buffer.byteLength(JSON.stringify(view.value))
      if (bytes > maxBytes && views.length > 0) {
        return { sessions: views, ...(last === undefined ? {} : { next: last }) }
      }
      views.push(view.value)
    }
    last = session.id
  }
  return { sessions: views, ...(next === undefined ? {} : { next }) }
})

/**
 * The handlers of a node over the backend of its process.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (local: Backend) => {
  const of = <A>(op: string, id: string, use: (session: VoiceSession) => Effect.Effect<A, BackendError>) =>
    answered(op, Effect.flatMap(local.getSession(id), use))
  const view = (session: VoiceSession) => SessionView.of(local, session)
  return VoiceNode.toLayer(VoiceNode.of({
    Create: ({ config, id }) =>
      answered("VoiceBackend.createSession", Effect.flatMap(local.openSession(config, id), view)),
    Recover: ({ id }) =>
      answered(
        "VoiceBackend.recover",
        Effect.andThen(local.recover(id), Effect.flatMap(local.getSession(id), view))
      ),
    View: ({ id }) => of("VoiceBackend.getSession", id, view),
    List: ({ bytes, ...page }) => answered("VoiceBackend.listSessions", listed(local, page, bytes)),
    Close: ({ id }) => answered("VoiceBackend.closeSession", local.closeSession(id)),
    Start: ({ id }) => of("VoiceSession.start", id, (session) => session.start),
    Stop: ({ id }) => of("VoiceSession.stop", id, (session) => session.stop),
    History: ({ id }) => of("VoiceSession.history", id, (session) => session.history),
    UpdateMetadata: ({ id, patch }) =>
      of("VoiceSession.updateMetadata", id, (session) => Effect.andThen(session.updateMetadata(patch), view(session))),
    Control: ({ control, id }) => of("VoiceSession.control", id, (session) => session.control(control)),
    UpdatePolicy: ({ id, policy }) => of("VoiceSession.updatePolicy", id, (session) => session.updatePolicy(policy)),
    Say: ({ id, interruptible, text }) => of("VoiceSession.say", id, (session) => session.say(text, { interruptible })),
    SendText: ({ id, text }) => of("VoiceSession.sendText", id, (session) => session.sendText(text)),
    Interrupt: ({ force, id }) => of("VoiceSession.interrupt", id, (session) => session.interrupt({ force })),
    SetLanguage: ({ id, language }) => of("VoiceSession.setLanguage", id, (session) => session.setLanguage(language)),
    Call: ({ command, id }) => of("VoiceSession.call", id, (session) => CallOperations.run(session, command)),
    CollectDigits: ({ asked, id }) =>
      answered(
        "VoiceSession.collectDigits",
        Effect.flatMap(local.getSession(id), (session) => session.collectDigits(DigitCollection.optionsOf(asked))),
        COLLECT_DEADLINE
      ),
    Events: ({ id }) =>
      Stream.unwrap(Effect.map(local.getSession(id), ({ events }) => events)).pipe(Stream.mapError(portable)),
    States: ({ id }) =>
      Stream.unwrap(Effect.map(local.getSession(id), ({ state }) => state.changes)).pipe(Stream.mapError(portable)),
    Data: ({ id }) =>
      answered("SessionArchive.list", local.archive?.list(id) ?? Effect.fail(noArchive("SessionArchive.list", id))),
    EraseData: ({ id }) => answered("SessionArchive.erase", local.archive?.erase(id) ?? Effect.succeed(0)),
    EraseUser: ({ userId }) =>
      answered("SessionArchive.eraseUser", local.archive?.eraseUser(userId) ?? Effect.succeed(0))
  }))
}
