/**
 * What the people of a room say in text: typed turns (`lk.chat`), messages of our protocol (topic `effect-voice`, as a text
 * stream or a data packet), and RPC.
 *
 * Whoever sends faster than `Pace` allows is told so; a stream that does not end in time is left.
 *
 * @since 0.1.0
 */
import type { LocalParticipant, Room, RpcError, RpcInvocationData, TextStreamReader } from "@livekit/rtc-node"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as ClientMessage from "../../session/ClientMessage.ts"
import { costOf, FloodLimit } from "../../transport/FloodLimit.ts"
import { TOPIC } from "./TextOutbox.ts"

/**
 * Where LiveKit's chat components send what was typed.
 *
 * @category constants
 * @since 0.1.0
 */
export const CHAT_TOPIC = "lk.chat"

/**
 * The RPC methods: `session.message` takes a message of our protocol, and answers `{}`; `start_turn` and `end_turn` take
 * and give back the floor, as in LiveKit's own push-to-talk.
 *
 * @category constants
 * @since 0.1.0
 */
export const RPC_METHODS = { message: "session.message", start: "start_turn", end: "end_turn" } as const

/**
 * @category models
 * @since 0.1.0
 */
export interface TextInboxOptions {
  readonly room: Room
  /** Makes the error that a caller of an RPC is given. */
  readonly makeRpcError: (code: number, message: string) => RpcError
  /** Whether somebody's messages are taken. */
  readonly accepts: (identity: string) => boolean
  readonly message: (message: ClientMessage.ClientMessage) => void
  readonly malformed: (reason: string) => void
  /** Somebody takes, or gives back, the floor; `false` where there is none to be taken. */
  readonly floor: (identity: string, holds: boolean) => boolean
  readonly nowMs: () => number
}

/** LiveKit keeps the codes up to 1999 to itself. */
const REFUSED = 2_403
const MALFORMED = 2_400
const TOO_FAST = 2_429
const MAX_READERS = 8
const READ_DEADLINE = "10 seconds"
const TELL_MS = 1_000
/** What taking the floor costs, as much as a typed turn: it silences the agent. */
const FLOOR_MS = 1_000
const tooFast = "messages come faster than they are taken; some are dropped"

/**
 * @category models
 * @since 0.1.0
 */
export interface TextInbox {
  /** Answers RPC, which is possible only in the room. */
  readonly registerRpc: (agent: Pick<LocalParticipant, "registerRpcMethod">) => void
}

interface Fault {
  readonly code: number
  readonly reason: string
}

/**
 * Takes what comes for as long as the scope. To be called before the room is joined, so that nothing is missed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const listen = Effect.fnUntraced(function*(
  options: TextInboxOptions
): Effect.fn.Return<TextInbox, never, Scope.Scope> {
  const { malformed, message, nowMs, room, accepts: takes } = options
  const run = yield* FiberSet.makeRuntime()
  const paces = new Map<string, FloodLimit>()
  let reading = 0
  let toldAt = Number.NEGATIVE_INFINITY

  const paceOf = (identity: string): FloodLimit => {
    const known = paces.get(identity)
    if (known !== undefined) return known
    // whoever is gone is forgotten
    for (const each of paces.keys()) if (!room.remoteParticipants.has(each)) paces.delete(each)
    const pace = new FloodLimit()
    paces.set(identity, pace)
    return pace
  }

  /** Takes a message, or tells what is wrong with it. */
  const accept = (identity: string, text: string): Fault | undefined => {
    const pace = paceOf(identity)
    if (pace.waitMs(nowMs()) > 0) return { code: TOO_FAST, reason: tooFast }
    const parsed = Buffer.byteLength(text) > ClientMessage.MAX_MESSAGE_BYTES
      ? { _tag: "Malformed" as const, reason: `a message of more than ${ClientMessage.MAX_MESSAGE_BYTES} bytes` }
      : ClientMessage.parse(text)
    pace.spend(costOf(parsed), nowMs())
    if (parsed._tag === "Malformed") return { code: MALFORMED, reason: parsed.reason }
    if (parsed._tag === "Message") message(parsed.message)
    return undefined
  }

  /** To give the floor back is never too fast: it would be kept. */
  const turn = (identity: string, holds: boolean): Fault | undefined => {
    const pace = paceOf(identity)
    if (holds && pace.waitMs(nowMs()) > 0) return { code: TOO_FAST, reason: tooFast }
    if (!options.floor(identity, holds)) {
      return { code: REFUSED, reason: "there is no floor to be taken: participants is not \"addressed\"" }
    }
    if (holds) pace.spend(FLOOR_MS, nowMs())
    return undefined
  }

  const tell = (identity: string, text: string): void => {
    if (!takes(identity)) return
    const fault = accept(identity, text)
    if (fault === undefined) return
    if (fault.code === TOO_FAST) {
      if (nowMs() - toldAt < TELL_MS) return
      toldAt = nowMs()
    }
    malformed(fault.reason)
  }

  const read = (reader: TextStreamReader, identity: string, take: (text: string) => void): void => {
    const close = () => reader.close().catch(() => {})
    if (!takes(identity) || reading >= MAX_READERS) return void close()
    reading++
    run(
      Effect.tryPromise(() => reader.readAll()).pipe(
        Effect.flatMap((text) => Effect.sync(() => take(text))),
        Effect.timeoutOption(READ_DEADLINE),
        Effect.ignore,
        Effect.ensuring(Effect.sync(() => {
          reading--
          void close()
        }))
      )
    )
  }

  const rpc = (call: RpcInvocationData, act: () => Fault | undefined): Promise<string> => {
    const fault = takes(call.callerIdentity)
      ? act()
      : { code: REFUSED, reason: "nothing of yours is taken in this conversation" }
    return fault === undefined ? Promise.resolve("{}") : Promise.reject(options.makeRpcError(fault.code, fault.reason))
  }

  room.registerTextStreamHandler(
    TOPIC,
    (reader, { identity }) => read(reader, identity, (text) => tell(identity, text))
  )
  room.registerTextStreamHandler(
    CHAT_TOPIC,
    (reader, { identity }) =>
      read(reader, identity, (text) => tell(identity, JSON.stringify({ type: "user.text", text })))
  )
  room.on("dataReceived", (payload, participant, _kind, topic) => {
    if (topic !== TOPIC || participant === undefined) return
    tell(participant.identity, Buffer.from(payload).toString())
  })
  return {
    registerRpc: (agent) => {
      agent.registerRpcMethod(
        RPC_METHODS.message,
        (call) => rpc(call, () => accept(call.callerIdentity, call.payload))
      )
      for (const [method, holds] of [[RPC_METHODS.start, true], [RPC_METHODS.end, false]] as const) {
        agent.registerRpcMethod(method, (call) => rpc(call, () => turn(call.callerIdentity, holds)))
      }
    }
  }
})
