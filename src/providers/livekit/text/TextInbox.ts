/**
 * Receives text from the participants of a room: typed turns (`lk.chat`), messages of the wire protocol (topic
 * `effect-voice`, in a text stream or a data packet), and RPC.
 *
 * The text streams of a participant are read side by side, and count in the order in which they began. Participants who exceed
 * the `FloodLimit` receive an error, as for a text that is too long, is broken off or does not end in time.
 *
 * @since 0.1.0
 */
import type { LocalParticipant, Room, RpcError, RpcInvocationData, TextStreamReader } from "@livekit/rtc-node"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as ClientMessage from "../../../session/ClientMessage.ts"
import { costOf, FloodLimit } from "../../../session/FloodLimit.ts"
import { TOPIC } from "./TextOutbox.ts"

/**
 * The topic of LiveKit's chat components.
 *
 * @category constants
 * @since 0.1.0
 */
export const CHAT_TOPIC = "lk.chat"

/**
 * The RPC methods. `session.message` takes a message of the wire protocol, and answers `{}`; `start_turn` and `end_turn` take
 * and give back the floor, as in LiveKit's push-to-talk.
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
  /** Makes the error for the caller of an RPC. */
  readonly makeRpcError: (code: number, message: string) => RpcError
  /** Whether a participant's messages reach the session. */
  readonly accepts: (identity: string) => boolean
  readonly message: (message: ClientMessage.ClientMessage) => void
  readonly malformed: (reason: string) => void
  /** A participant takes or gives back the floor; returns false where there is no floor control. */
  readonly floor: (identity: string, holds: boolean) => boolean
  readonly nowMs: () => number
}

/** LiveKit reserves the codes up to 1999. */
const REFUSED = 2_403
const MALFORMED = 2_400
const TOO_FAST = 2_429
/** How many text streams are read at once, of at most 64 KiB each. */
const MAX_READERS = 64
const READ_DEADLINE = "10 seconds"
/** The `TOO_FAST` error is reported at most once in this time. */
const REPORT_INTERVAL_MS = 1_000
/** What taking the floor costs in the flood limit: as much as a typed turn, because it interrupts the agent. */
const FLOOR_COST_MS = 1_000
const tooFast = "flood limit exceeded; some messages were dropped"

/**
 * @category models
 * @since 0.1.0
 */
export interface TextInbox {
  /** Registers the RPC methods; only possible after the room was joined. */
  readonly registerRpc: (agent: Pick<LocalParticipant, "registerRpcMethod">) => void
}

/** A text stream that is being read, in the order in which they began. */
interface Pending {
  /** When it began, in ms on the sender's clock. */
  readonly at: number
  isRead: boolean
  /** What to do with it once those before it are done. */
  deliver: () => void
}

/** Reads a stream as far as a message may be long; `undefined` if it is longer. */
const readText = async (reader: TextStreamReader): Promise<string | undefined> => {
  if ((reader.info.totalSize ?? 0) > ClientMessage.MAX_MESSAGE_BYTES) return undefined
  let text = ""
  let bytes = 0
  for await (const part of reader) {
    bytes += Buffer.byteLength(part)
    if (bytes > ClientMessage.MAX_MESSAGE_BYTES) return undefined
    text += part
  }
  return text
}

const tooLong = `a text of more than ${ClientMessage.MAX_MESSAGE_BYTES} bytes`

interface Fault {
  readonly code: number
  readonly reason: string
}

/**
 * Receives text for as long as the scope. Call it before the room is joined, so that nothing is missed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const listen = Effect.fnUntraced(function*(
  options: TextInboxOptions
): Effect.fn.Return<TextInbox, never, Scope.Scope> {
  const { malformed, message, nowMs, room, accepts: takes } = options
  const run = yield* FiberSet.makeRuntime()
  const limits = new Map<string, FloodLimit>()
  /** By identity. */
  const pending = new Map<string, Array<Pending>>()
  let reading = 0
  let reportedAt = Number.NEGATIVE_INFINITY

  const limitOf = (identity: string): FloodLimit => {
    const known = limits.get(identity)
    if (known !== undefined) return known
    // participants who have left are forgotten
    for (const each of limits.keys()) if (!room.remoteParticipants.has(each)) limits.delete(each)
    const limit = new FloodLimit()
    limits.set(identity, limit)
    return limit
  }

  /** Handles a message, or returns what is wrong with it. */
  const accept = (identity: string, parse: () => ClientMessage.ParseResult): Fault | undefined => {
    const limit = limitOf(identity)
    if (limit.waitMs(nowMs()) > 0) return { code: TOO_FAST, reason: tooFast }
    const parsed = parse()
    limit.spend(costOf(parsed), nowMs())
    if (parsed._tag === "Malformed") return { code: MALFORMED, reason: parsed.reason }
    if (parsed._tag === "Message") message(parsed.message)
    return undefined
  }

  const parseMessage = (text: string) => (): ClientMessage.ParseResult =>
    Buffer.byteLength(text) > ClientMessage.MAX_MESSAGE_BYTES
      ? { _tag: "Malformed", reason: `message larger than ${ClientMessage.MAX_MESSAGE_BYTES} bytes` }
      : ClientMessage.parse(text)

  const parseChat = (text: string) => () => ClientMessage.decode({ type: "user.text", text })

  /** Takes or gives back the floor. Giving it back is never refused by the flood limit, or it would stay taken. */
  const setFloor = (identity: string, holds: boolean): Fault | undefined => {
    const limit = limitOf(identity)
    if (holds && limit.waitMs(nowMs()) > 0) return { code: TOO_FAST, reason: tooFast }
    if (!options.floor(identity, holds)) {
      return { code: REFUSED, reason: "no floor control: provider_config.participants is not \"addressed\"" }
    }
    if (holds) limit.spend(FLOOR_COST_MS, nowMs())
    return undefined
  }

  const report = ({ code, reason }: Fault): void => {
    if (code === TOO_FAST) {
      if (nowMs() - reportedAt < REPORT_INTERVAL_MS) return
      reportedAt = nowMs()
    }
    malformed(reason)
  }

  const receive = (identity: string, parse: () => ClientMessage.ParseResult): void => {
    if (!takes(identity)) return
    const fault = accept(identity, parse)
    if (fault !== undefined) report(fault)
  }

  const deliverInOrder = (identity: string): void => {
    const queue = pending.get(identity) ?? []
    while (queue[0]?.isRead === true) queue.shift()?.deliver()
    if (queue.length === 0) pending.delete(identity)
  }

  const read = (reader: TextStreamReader, identity: string, take: (text: string) => void): void => {
    const close = () => reader.close().catch(() => {})
    if (!takes(identity)) return void close()
    if (reading >= MAX_READERS) {
      void close()
      return report({ code: TOO_FAST, reason: tooFast })
    }
    reading++
    const one: Pending = {
      at: reader.info.timestamp,
      isRead: false,
      deliver: () => malformed("a text was broken off, or did not end in time")
    }
    // LiveKit may report them a little out of order
    pending.set(identity, [...pending.get(identity) ?? [], one].sort((a, b) => a.at - b.at))
    run(
      Effect.tryPromise(() => readText(reader)).pipe(
        Effect.flatMap((text) =>
          Effect.sync(() => {
            one.deliver = text === undefined ? () => malformed(tooLong) : () => take(text)
          })
        ),
        Effect.timeoutOption(READ_DEADLINE),
        Effect.ignore,
        Effect.ensuring(Effect.sync(() => {
          reading--
          one.isRead = true
          deliverInOrder(identity)
          void close()
        }))
      )
    )
  }

  const rpc = (call: RpcInvocationData, act: () => Fault | undefined): Promise<string> => {
    const fault = takes(call.callerIdentity)
      ? act()
      : { code: REFUSED, reason: "permission denied: this session does not accept your messages" }
    return fault === undefined ? Promise.resolve("{}") : Promise.reject(options.makeRpcError(fault.code, fault.reason))
  }

  room.registerTextStreamHandler(
    TOPIC,
    (reader, { identity }) => read(reader, identity, (text) => receive(identity, parseMessage(text)))
  )
  room.registerTextStreamHandler(
    CHAT_TOPIC,
    (reader, { identity }) => read(reader, identity, (text) => receive(identity, parseChat(text)))
  )
  room.on("dataReceived", (payload, participant, _kind, topic) => {
    if (topic !== TOPIC || participant === undefined) return
    receive(participant.identity, parseMessage(Buffer.from(payload).toString()))
  })
  return {
    registerRpc: (agent) => {
      agent.registerRpcMethod(
        RPC_METHODS.message,
        (call) => rpc(call, () => accept(call.callerIdentity, parseMessage(call.payload)))
      )
      for (const [method, holds] of [[RPC_METHODS.start, true], [RPC_METHODS.end, false]] as const) {
        agent.registerRpcMethod(method, (call) => rpc(call, () => setFloor(call.callerIdentity, holds)))
      }
    }
  }
})
