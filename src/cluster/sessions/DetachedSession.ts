/**
 * A session that no process has, as it is stored: it can be read, and everything else waits for its user, who takes it up
 * again by connecting.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type BackendError, ConnectionFailed } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import * as SessionSnapshot from "../../session/persistence/SessionSnapshot.ts"
import type { SessionStore } from "../../session/persistence/SessionStore.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"

const RETRY_AFTER_MS = 1_000
const READ_DEADLINE = "3 seconds"

/**
 * The state of a session that no process has, and `details.reason` of what it refuses.
 *
 * @category constants
 * @since 0.1.0
 */
export const DETACHED = "detached"

const refused = (op: string): Effect.Effect<never, ConnectionFailed> =>
  Effect.fail(
    new ConnectionFailed({
      op: `VoiceSession.${op}`,
      message: "no process has this session now: it goes on when its user connects again",
      details: { reason: DETACHED, retryAfterMs: RETRY_AFTER_MS }
    })
  )

/**
 * Makes the session from what is stored of it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  id: string,
  { changedLanguage, config, history }: SessionSnapshot.RestoredSession
): VoiceSession => ({
  id,
  config,
  start: refused("start"),
  stop: refused("stop"),
  processAudio: () => refused("processAudio"),
  sendAudio: () => refused("sendAudio"),
  receiveAudio: Stream.empty,
  setAgent: () => refused("setAgent"),
  setLanguage: () => refused("setLanguage"),
  language: Effect.succeed(changedLanguage ?? config.language),
  state: { get: Effect.succeed(DETACHED), changes: Stream.make(DETACHED) },
  persistenceStatus: Effect.succeed("active"),
  metadata: Effect.succeed(config.metadata ?? {}),
  updateMetadata: () => refused("updateMetadata"),
  events: Stream.empty,
  history: Effect.succeed(history),
  say: () => refused("say"),
  updatePolicy: () => refused("updatePolicy"),
  control: () => refused("control"),
  sendText: () => refused("sendText"),
  interrupt: () => refused("interrupt"),
  sendDtmf: () => refused("sendDtmf"),
  collectDigits: () => refused("collectDigits"),
  transfer: () => refused("transfer"),
  hangUp: refused("hangUp"),
  hold: () => refused("hold"),
  mute: () => refused("mute"),
  attach: () => refused("attach"),
  pipeline: () => Stream.fromEffect(refused("pipeline")),
  ended: Effect.never
})

/**
 * Reads a session that no process has, without taking it over; `undefined` where nothing is stored. Fails `timeout` when the store does
 * not answer within 3 s, and as `SessionSnapshot.decode` does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function*(
  store: SessionStore["Service"],
  op: string,
  id: string
): Effect.fn.Return<VoiceSession | undefined, BackendError> {
  const stored = yield* store.read(id).pipe(deadline(op, "the session store", READ_DEADLINE, { part: "store" }))
  return stored === undefined ? undefined : make(id, yield* SessionSnapshot.decode(stored))
})
