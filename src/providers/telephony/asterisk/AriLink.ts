/**
 * A link to Asterisk's REST interface (ARI): its events, and the calls that are made and watched through it.
 *
 * The link connects again for ever, with growing pauses. Of what it has missed meanwhile it asks when it is back: a watched call
 * that Asterisk does not know any more has ended.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { type BackendError, ConnectionFailed } from "../../../BackendError.ts"
import * as RetryPolicy from "../../../RetryPolicy.ts"
import * as VendorSocket from "../../../wire/VendorSocket.ts"
import * as AriEvents from "./AriEvents.ts"
import * as AriRest from "./AriRest.ts"

/**
 * What becomes of a call. `Connected`: the dialplan has connected it with another person.
 *
 * @category models
 * @since 0.1.0
 */
export type AriProgress =
  | { readonly _tag: "Ringing" }
  | { readonly _tag: "Answered" }
  | { readonly _tag: "Connected" }
  | { readonly _tag: "Ended"; readonly cause: AriEvents.HangUpCause }

/**
 * - `application`: the name under which this process takes calls that it has made. Each process has its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface AriLinkOptions extends AriRest.AriOptions {
  readonly application: string
}

/**
 * A call to make.
 *
 * - `context`, `extension`: where in the dialplan it goes on once it is answered.
 *
 * @category models
 * @since 0.1.0
 */
export interface AriCall extends Omit<AriRest.OriginateOptions, "application"> {
  readonly context: string
  readonly extension: string
}

/**
 * @category models
 * @since 0.1.0
 */
export interface AriLink {
  readonly rest: AriRest.AriRest
  /** Whether events come. */
  readonly isConnected: () => boolean
  /** Waits until they do. */
  readonly connected: Effect.Effect<void>
  /**
   * Makes a call, and tells what becomes of it until it has ended, which is told once. Succeeds when Asterisk has taken the order.
   * Fails `connection_failed` while there are no events.
   */
  readonly dial: (
    call: AriCall,
    listener: (progress: AriProgress) => void
  ) => Effect.Effect<void, BackendError>
  /**
   * Tells what becomes of a channel until it has ended, which is told once; in place of a listener that it had. Fails
   * `session_not_found` when there is no such channel.
   */
  readonly watch: (
    channel: string,
    listener: (progress: AriProgress) => void
  ) => Effect.Effect<void, BackendError>
}

const VENDOR = "asterisk"
const RETRY: RetryPolicy.RetryPolicy = { delay: Duration.millis(500), maxDelay: Duration.seconds(30) }

interface Watched {
  readonly listener: (progress: AriProgress) => void
  /** Where it goes on when it is answered; undefined once it is there. */
  next: Pick<AriCall, "context" | "extension"> | undefined
}

/**
 * Closing the scope closes the link; calls go on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: AriLinkOptions
): Effect.fn.Return<AriLink, never, Scope.Scope> {
  const { application, authorization, timeout, url } = options
  const rest = AriRest.make(options)
  const fork = yield* FiberSet.makeRuntime()
  const watched = new Map<string, Watched>()
  const connected = Latch.makeUnsafe(false)
  let isOpen = false
  const isConnected = () => isOpen
  /** Whether this attempt has been connected. */
  let wasConnected = false

  const tell = (channel: string, progress: AriProgress): void => {
    const call = watched.get(channel)
    if (call === undefined) return
    if (progress._tag === "Ended") watched.delete(channel)
    call.listener(progress)
  }

  const lose = (channel: string): void => tell(channel, { _tag: "Ended", cause: "failed" })

  /** The call is answered, and waits: it goes on in the dialplan, and is watched there. */
  const enter = (channel: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      const call = watched.get(channel)
      const next = call?.next
      if (call === undefined || next === undefined) return Effect.void
      call.next = undefined
      tell(channel, { _tag: "Answered" })
      return rest.subscribe(application, channel).pipe(
        Effect.andThen(rest.goTo(channel, next.context, next.extension)),
        Effect.catch((error) =>
          Effect.logWarning("a call that was answered could not go on in the dialplan", error.message).pipe(
            Effect.andThen(Effect.ignore(rest.hangUp(channel))),
            Effect.andThen(Effect.sync(() => lose(channel)))
          )
        )
      )
    })

  const onEvent = (event: AriEvents.AriEvent): void => {
    switch (event._tag) {
      case "Ringing":
        return watched.get(event.channel)?.next === undefined ? undefined : tell(event.channel, event)
      case "Connected":
        return tell(event.channel, event)
      case "Entered":
        return void fork(enter(event.channel))
      case "Destroyed":
        // of a call that was answered, every cause means that it is over
        return tell(event.channel, {
          _tag: "Ended",
          cause: watched.get(event.channel)?.next === undefined ? "normal" : event.cause
        })
      case "Other":
        return
    }
  }

  /** What has become of a call while there were no events. */
  const ask = (channel: string): Effect.Effect<void> =>
    rest.subscribe(application, channel).pipe(
      Effect.andThen(rest.state(channel)),
      Effect.flatMap((state) => state === "Up" ? enter(channel) : Effect.void),
      Effect.catchTag("SessionNotFound", () => Effect.sync(() => lose(channel))),
      Effect.ignore
    )

  const connect = Effect.scoped(Effect.gen(function*() {
    wasConnected = false
    const lost = yield* Deferred.make<never, BackendError>()
    const query = new URLSearchParams({ app: application })
    yield* VendorSocket.connect({
      vendor: VENDOR,
      op: "TelephonyProvider.events",
      url: Redacted.make(`${url.replace(/^http/u, "ws")}/events?${query}`),
      headers: { authorization },
      timeout
    }, {
      message: (text) => onEvent(AriEvents.decode(text)),
      closed: (error) => void Deferred.doneUnsafe(lost, Effect.fail(error))
    })
    isOpen = true
    wasConnected = true
    connected.openUnsafe()
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isOpen = false
        connected.closeUnsafe()
      })
    )
    yield* Effect.forEach([...watched.keys()], ask, { discard: true, concurrency: 8 })
    return yield* Deferred.await(lost)
  }))

  yield* connect.pipe(
    Effect.tapError((error) => Effect.logWarning("Asterisk's events cannot be received", error.message)),
    Effect.retry({ schedule: RetryPolicy.schedule(RETRY), while: () => !wasConnected }),
    Effect.ignore,
    // each connection begins the pauses anew; one that does not last is no reason to hurry
    Effect.andThen(Effect.sleep(RETRY.delay)),
    Effect.forever,
    Effect.forkScoped
  )

  /** Listens to a call from before the order on: events may come before its answer. Of one that was refused there are none. */
  const listen = (channel: string, call: Watched, order: Effect.Effect<void, BackendError>) =>
    Effect.suspend(() => {
      watched.set(channel, call)
      return Effect.onError(order, () =>
        Effect.sync(() => {
          if (watched.get(channel) === call) watched.delete(channel)
        }))
    })

  return {
    rest,
    isConnected,
    connected: connected.await,
    dial: Effect.fnUntraced(function*({ context, extension, ...call }, listener) {
      if (!isConnected()) {
        return yield* new ConnectionFailed({
          op: "TelephonyProvider.dial",
          message: "Asterisk's events cannot be received at present",
          details: { vendor: VENDOR }
        })
      }
      const order = rest.originate({ ...call, application })
      yield* listen(call.channel, { listener, next: { context, extension } }, order)
    }),
    watch: (channel, listener) => listen(channel, { listener, next: undefined }, rest.subscribe(application, channel))
  }
})
