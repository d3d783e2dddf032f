/**
 * The calls of this process and their sessions.
 *
 * A call that a user has made gets its session when its media stream comes. The id of the session follows from the carrier's id of the
 * call, so that the call finds its session again after a restart, in any process on the session store.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { createHmac } from "node:crypto"
import type { LinkedSession, ProviderHost, SessionLink } from "../../backend/provider/BackendProvider.ts"
import * as SessionId from "../../backend/sessions/SessionId.ts"
import { type BackendError, ConnectionFailed, InvalidConfig, SessionNotFound } from "../../BackendError.ts"
import { finalizeWithin } from "../../Deadline.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import type { CallControl, CallEvent } from "../../session/call/CallControl.ts"
import type { CallDetails } from "../../session/call/CallDetails.ts"
import type { SessionConfig } from "../../session/SessionConfig.ts"
import type { SessionEnd } from "../../session/SessionEvent.ts"
import * as ThrownValue from "../../ThrownValue.ts"
import * as InBandKeys from "../../transport/InBandKeys.ts"
import * as SessionElsewhere from "../SessionElsewhere.ts"
import type { Link, SessionLinks } from "../SessionLinks.ts"
import type { Call, Calls, Carrier, CarrierOptions, IncomingCall } from "./Call.ts"

const op = "TelephonyProvider.call"
/** How many events of a call wait for its session, which takes them at once. */
const MAX_EVENTS = 64
const MAX_FIELD = 256
/** How long hanging up at the carrier may take when a session has ended. */
const HANG_UP_DEADLINE = "5 seconds"
/**
 * How long a call that comes back waits until a process that has died no longer holds its session: as long as the lease of a session
 * usually lasts, and a while.
 */
const HELD_DEADLINE_MS = 10_000
/** How a session ends whose call goes on: another process, or another person, has it. */
const goesOn: ReadonlySet<SessionEnd> = new Set(["taken_over", "transferred"])

/**
 * - `keypadTurns`: whether the keys that nobody collects become a turn of the user.
 * - `targetOf`: where a transfer to this target goes. Fails where it may not go there.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallsOptions {
  readonly host: ProviderHost
  readonly links: SessionLinks
  readonly cell: string | undefined
  readonly carriers: () => ReadonlyMap<string, { readonly carrier: Carrier; readonly options: CarrierOptions }>
  readonly keypadTurns: boolean
  readonly targetOf: (target: string) => Effect.Effect<string, BackendError>
  /** Calls are made in it. */
  readonly scope: Scope.Scope
}

/**
 * The calls, and how their sessions are opened.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenCalls extends Calls {
  /** Opens the link of a session that has a call; in the session's scope. */
  readonly open: (session: LinkedSession, details: CallDetails) => Effect.Effect<SessionLink, BackendError, Scope.Scope>
}

interface Entry extends Call {
  readonly isOver: () => boolean
}

const cut = (text: string | undefined): string | undefined => text?.slice(0, MAX_FIELD)

const notHere = () => new SessionNotFound({ op, message: "the call has no session, or it has ended" })

const detailsOf = (carrier: string, { from, id, parameters, to }: IncomingCall): CallDetails => ({
  carrier,
  direction: "inbound",
  id,
  ...(from === undefined ? {} : { from: from.slice(0, MAX_FIELD) }),
  ...(to === undefined ? {} : { to: to.slice(0, MAX_FIELD) }),
  parameters: parameters ?? {}
})

/** What the application sees of a call in the metadata of its session. */
const metadataOf = ({ parameters, ...call }: CallDetails) => ({ call: { ...call, parameters: { ...parameters } } })

const configOf = (
  { agent, language, numbers }: CarrierOptions,
  details: CallDetails,
  inputSampleRate: number | undefined
): SessionConfig => {
  const ofNumber = details.to !== undefined && Object.hasOwn(numbers, details.to) ? numbers[details.to] : undefined
  const answering = ofNumber?.agent ?? agent
  const speaking = ofNumber?.language ?? language
  return {
    userId: cut(details.from) || "anonymous",
    transport: "websocket",
    metadata: metadataOf(details),
    call: details,
    ...(inputSampleRate === undefined ? {} : { inputSampleRate }),
    ...(answering === undefined ? {} : { agent: answering }),
    ...(speaking === undefined ? {} : { language: speaking })
  }
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: CallsOptions): OpenCalls => {
  const { carriers, cell, host, keypadTurns, links, scope, targetOf } = options
  const bySession = new Map<string, Entry>()

  const sessionOf: Calls["sessionOf"] = (carrier, id) =>
    SessionId.of(
      cell,
      createHmac("sha256", Redacted.value(host.signingKey)).update(`telephony call\n${carrier}\n${id}`).digest()
    )

  const carrierOf = (name: string) => {
    const found = carriers().get(name)
    return found !== undefined ? Effect.succeed(found) : Effect.fail(
      new InvalidConfig({ op, message: "no carrier of this name is configured", details: { missing: "carrier" } })
    )
  }

  const controlOf = (carrier: Carrier, call: Call, events: Queue.Queue<CallEvent>): CallControl => {
    const { sendDtmf, transfer } = carrier
    return {
      get id() {
        return call.id()
      },
      facts: () => ({ ...call.details, parameters: call.details.parameters, id: call.id() }),
      events: Stream.fromQueue(events),
      keypadTurns,
      ...(sendDtmf === undefined ? {} : { sendDtmf: (digits) => sendDtmf(call, digits) }),
      ...(transfer === undefined ? {} : {
        transfer: (target, how) =>
          Effect.gen(function*() {
            const to = typeof target === "string" ? yield* targetOf(target) : target
            if (call.isTransferring()) {
              return yield* new InvalidConfig({ op, message: "the call is being transferred already" })
            }
            call.emit({ type: "call.transferring", warm: how.warm === true })
            yield* transfer(call, to, how).pipe(
              Effect.onError(() => Effect.sync(() => call.emit({ type: "call.transfer_failed", cause: "failed" })))
            )
          })
      })
    }
  }

  const quietly = (carrier: Carrier, hangingUp: Effect.Effect<void, BackendError>) =>
    hangingUp.pipe(
      finalizeWithin(HANG_UP_DEADLINE),
      Effect.catchCause((cause) =>
        Effect.annotateLogs(Effect.logWarning("the call could not be hung up", ThrownValue.loggable(cause)), {
          carrier: carrier.name
        })
      )
    )

  /** Hangs up a call whose session has ended here for good. */
  const hangUp = (carrier: Carrier, entry: Entry, endReason: LinkedSession["endReason"]) =>
    Effect.suspend(() => {
      const reason = endReason?.()
      if (entry.isOver() || entry.id() === undefined || reason === undefined || goesOn.has(reason)) return Effect.void
      return quietly(carrier, carrier.hangUp(entry))
    })

  const open: OpenCalls["open"] = Effect.fnUntraced(function*(session, details) {
    const { carrier, options: { dtmfInBand } } = yield* carrierOf(details.carrier)
    const { attachments } = yield* links.open(session)
    const plain = yield* links.linkOf(session.id)
    const link: Link = dtmfInBand === true
      ? { ...plain, attach: (connection) => plain.attach(InBandKeys.make(connection)) }
      : plain
    const events = yield* Queue.sliding<CallEvent>(MAX_EVENTS)
    let id = details.id
    let over = false
    let closed = false
    let transferring = false
    const entry: Entry = {
      session: session.id,
      details,
      link,
      id: () => id,
      named: (known) => {
        id = known
      },
      isOver: () => over,
      isTransferring: () => transferring,
      emit: (event) => {
        if (over) return
        over = event.type === "call.ended"
        if (event.type === "call.transferring") transferring = true
        if (event.type === "call.transfer_failed") transferring = false
        Queue.offerUnsafe(events, event)
      }
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => bySession.set(session.id, entry)),
      () =>
        Effect.suspend(() => {
          closed = true
          if (bySession.get(session.id) === entry) bySession.delete(session.id)
          return hangUp(carrier, entry, session.endReason)
        })
    )
    // of a session that is restored the call has been made
    if (details.direction === "outbound" && session.restored !== true) {
      const { dial } = carrier
      if (dial === undefined) {
        return yield* new InvalidConfig({
          op,
          message: "this carrier cannot be dialled through",
          details: { reason: "unsupported" }
        })
      }
      // a request that is given up may make the call all the same: it is waited for then, and hung up
      const dialling = yield* dial(entry).pipe(
        Effect.tap((known) => {
          entry.named(known)
          return closed ? quietly(carrier, carrier.hangUp(entry)) : Effect.void
        }),
        Effect.forkIn(scope, { startImmediately: true })
      )
      yield* Fiber.join(dialling)
    }
    return {
      access: { connectionUrl: `telephony:${carrier.name}` },
      attachments,
      call: controlOf(carrier, entry, events)
    }
  })

  /** The opening of each session, one at a time: streams of one call may come at once. */
  const openings = new Map<string, { readonly semaphore: Semaphore.Semaphore; waiting: number }>()

  const alone = <A, E, R>(session: string, open: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        const opening = openings.get(session) ?? { semaphore: Semaphore.makeUnsafe(1), waiting: 0 }
        opening.waiting++
        openings.set(session, opening)
        return opening
      }),
      ({ semaphore }) => semaphore.withPermit(open),
      (opening) =>
        Effect.sync(() => {
          if (--opening.waiting === 0) openings.delete(session)
        })
    )

  /** Takes over a session that another process has left, or that has died: then its lease must have lapsed. */
  const recover = (session: string): Effect.Effect<void, BackendError> =>
    Effect.gen(function*() {
      const untilMs = (yield* MonotonicTime.currentMs) + HELD_DEADLINE_MS
      const again = (error: BackendError): Effect.Effect<void, BackendError> => {
        const { reason, retryAfterMs } = error.details ?? {}
        if (reason !== "held" || typeof retryAfterMs !== "number") return Effect.fail(error)
        return Effect.gen(function*() {
          if ((yield* MonotonicTime.currentMs) + retryAfterMs > untilMs) return yield* Effect.fail(error)
          yield* Effect.sleep(retryAfterMs)
          return yield* attempt
        })
      }
      const attempt: Effect.Effect<void, BackendError> = Effect.catch(host.recover(session), again)
      return yield* attempt
    })

  const found = (session: string) =>
    Effect.suspend(() => {
      const entry = bySession.get(session)
      return entry !== undefined ? Effect.succeed(entry) : Effect.fail(notHere())
    })

  const resume: Calls["resume"] = (session) =>
    Effect.suspend(() => {
      const entry = bySession.get(session)
      if (entry !== undefined) return Effect.succeed(entry)
      return SessionElsewhere.check(session).pipe(
        Effect.andThen(alone(session, Effect.suspend(() => bySession.has(session) ? Effect.void : recover(session)))),
        Effect.andThen(found(session))
      )
    })

  const create = Effect.fnUntraced(function*(session: string, config: SessionConfig) {
    if (host.reserveAs === undefined) {
      return yield* new ConnectionFailed({ op, message: "the backend cannot reserve a place" })
    }
    const place = yield* host.reserveAs(session)
    yield* place.create(config)
    return yield* found(session)
  })

  return {
    open,
    sessionOf,
    resume,
    find: (carrier, id) => {
      for (const entry of bySession.values()) {
        if (entry.details.carrier === carrier && entry.id() === id) return entry
      }
      return undefined
    },
    enter: Effect.fnUntraced(function*(name, incoming) {
      const { options } = yield* carrierOf(name)
      if (incoming.id === "" || incoming.id.length > MAX_FIELD) {
        return yield* new InvalidConfig({ op, message: "the call has no id" })
      }
      const session = sessionOf(name, incoming.id)
      return yield* alone(
        session,
        Effect.suspend(() => {
          const here = bySession.get(session)
          if (here !== undefined) return Effect.succeed(here)
          return recover(session).pipe(
            Effect.andThen(found(session)),
            Effect.catchTag(
              "SessionNotFound",
              () => create(session, configOf(options, detailsOf(name, incoming), incoming.inputSampleRate))
            )
          )
        })
      )
    })
  }
}
