/**
 * One agent in a room: of two that join it, the first stays.
 *
 * Several processes may hear of the same arrival. LiveKit lets participants into a room one after the other, and tells each who
 * is in it, so exactly one of the agents finds nobody. The others leave before they have said a word. An agent whose process
 * has died stays in the room for some seconds; it does not answer, and is removed.
 *
 * @since 0.1.0
 */
import type { LocalParticipant, RemoteParticipant } from "@livekit/rtc-node"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as RoomName from "./RoomName.ts"

/** An agent answers any method at once, if only that it does not know it. */
const METHOD = "effect-voice.alive"
const ANSWER_MS = 2_000
/** How often it is asked while it does not answer, as on a busy machine, or did not get the question, and the time between. */
const ATTEMPTS = 3
const ASK_AGAIN = "500 millis"

/** LiveKit's codes of an RPC to somebody who is not there, or has left meanwhile. */
const GONE: ReadonlySet<number> = new Set([1_401, 1_503])
/** LiveKit's codes of an RPC that nobody has answered in time. */
const UNANSWERED: ReadonlySet<number> = new Set([1_501, 1_502])
/** LiveKit's code of an RPC that this side could not send. */
const UNSENT = 1_505
/** Smaller codes are of other errors, such as a `DOMException`. */
const MIN_CODE = 1_000

/** `silent`: no answer came in time. `unknown`: the question was not sent, as when this side has lost the room. */
type NoAnswer = "gone" | "silent" | "unknown"

const failureOf = (cause: unknown): "alive" | NoAnswer => {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined
  if (typeof code !== "number" || code < MIN_CODE || code === UNSENT) return "unknown"
  return GONE.has(code) ? "gone" : UNANSWERED.has(code) ? "silent" : "alive"
}

/**
 * @category models
 * @since 0.1.0
 */
export interface OtherAgentsOptions {
  readonly self: Pick<LocalParticipant, "performRpc">
  /** The session of the own agent. */
  readonly session: string
  /** The participants of kind agent. */
  readonly agents: ReadonlyArray<Pick<RemoteParticipant, "identity">>
  /** Removes a participant from the room. */
  readonly remove: (identity: string) => Effect.Effect<void>
}

/**
 * The session of another of our agents that was in the room before and still serves it; those that are dead are removed. Fails
 * `unknown` when it could not be asked: nobody is removed who may be alive.
 *
 * @category accessors
 * @since 0.1.0
 */
export const find = Effect.fnUntraced(function*(
  { agents, remove, self, session }: OtherAgentsOptions
): Effect.fn.Return<string | undefined, "unknown"> {
  /** Whether it is alive. One that does not answer again and again is not. */
  const isAlive = (destinationIdentity: string) =>
    Effect.tryPromise({
      try: () => self.performRpc({ destinationIdentity, method: METHOD, payload: "", responseTimeout: ANSWER_MS }),
      catch: failureOf
    }).pipe(
      Effect.timeoutOrElse({ duration: ANSWER_MS + 500, orElse: () => Effect.fail<NoAnswer>("silent") }),
      Effect.as(true),
      Effect.catchIf((failure) => failure === "alive", () => Effect.succeed(true)),
      Effect.catchIf((failure) => failure === "gone", () => Effect.succeed(false)),
      Effect.retry(Schedule.upTo(Schedule.spaced(ASK_AGAIN), { times: ATTEMPTS - 1 })),
      Effect.catchIf((failure) => failure === "silent", () => Effect.succeed(false))
    )
  for (const { identity } of agents) {
    const other = RoomName.sessionOfAgent(identity)
    if (other === undefined || other === session) continue
    if (yield* isAlive(identity)) return other
    yield* remove(identity)
  }
  return undefined
})
