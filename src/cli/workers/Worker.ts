/**
 * The worker's side of `serve --workers`: its role, and the messages between it and the primary.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"

/**
 * The variable that makes `serve` a worker. The primary sets it; users must not.
 *
 * @category constants
 * @since 0.1.0
 */
export const VARIABLE = "EFFECT_VOICE_WORKER"

/**
 * - `index`: the number of the worker, from 0.
 * - `host`: the address that the primary listens on. It decides whether WebRTC binds to loopback.
 *
 * @category models
 * @since 0.1.0
 */
export const WorkerRole = Schema.Struct({ index: Schema.Int, host: Schema.String })

/**
 * @category models
 * @since 0.1.0
 */
export type WorkerRole = typeof WorkerRole.Type

/**
 * The messages of a worker to the primary.
 *
 * @category models
 * @since 0.1.0
 */
export type FromWorker =
  | { readonly _tag: "Listening"; readonly port: number }
  | { readonly _tag: "Sessions"; readonly count: number }
  /** The worker has received the socket of this hand-over. */
  | { readonly _tag: "Taken"; readonly id: number }

/**
 * The message that goes with a socket: the bytes that were already read from it, in base64.
 *
 * @category models
 * @since 0.1.0
 */
export interface HandOver {
  readonly _tag: "HandOver"
  readonly id: number
  readonly head: string
}

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(WorkerRole))

/**
 * The role of this process; `undefined` when it is not a worker.
 *
 * @category accessors
 * @since 0.1.0
 */
export const role = (env: { readonly [name: string]: string | undefined }): WorkerRole | undefined => {
  const text = env[VARIABLE]
  if (text === undefined || process.send === undefined) return undefined
  const decoded = decode(text)
  return decoded._tag === "Some" ? decoded.value : undefined
}

const isHandOver = (message: unknown): message is HandOver =>
  typeof message === "object" && message !== null && "_tag" in message && message._tag === "HandOver" &&
  "head" in message && typeof message.head === "string" && "id" in message && typeof message.id === "number"

/**
 * Accepts the sockets that the primary hands over, and reports the number of sessions every second, as long as the
 * scope lives. When the primary disconnects, this process drains and exits.
 *
 * @category running
 * @since 0.1.0
 */
export const listen = (
  port: number,
  accept: (socket: Net.Socket, head: Buffer) => void,
  sessions: Effect.Effect<number>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const onMessage = (message: unknown, socket: unknown): void => {
        if (!isHandOver(message) || !(socket instanceof Net.Socket)) return
        process.send?.({ _tag: "Taken", id: message.id } satisfies FromWorker)
        accept(socket, Buffer.from(message.head, "base64"))
      }
      const onDisconnect = (): void => void process.kill(process.pid, "SIGTERM")
      process.on("message", onMessage)
      process.on("disconnect", onDisconnect)
      process.send?.({ _tag: "Listening", port } satisfies FromWorker)
      return () => {
        process.off("message", onMessage)
        process.off("disconnect", onDisconnect)
      }
    }),
    (stop) => Effect.sync(stop)
  ).pipe(
    Effect.andThen(
      sessions.pipe(
        Effect.tap((count) => Effect.sync(() => process.send?.({ _tag: "Sessions", count } satisfies FromWorker))),
        Effect.repeat(Schedule.spaced("1 second")),
        Effect.forkScoped
      )
    ),
    Effect.asVoid
  )
