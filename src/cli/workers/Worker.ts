/**
 * A process that serves as one of several: what it was told at its start, and how it hears from the primary.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"

/**
 * The variable that makes a `serve` a worker. Not for people.
 *
 * @category constants
 * @since 0.1.0
 */
export const VARIABLE = "EFFECT_VOICE_WORKER"

/**
 * - `index`: which worker, from 0.
 * - `host`: where the primary listens, for whatever depends on who may reach it.
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
 * What the primary and its workers tell each other, besides sockets.
 *
 * @category models
 * @since 0.1.0
 */
export type FromWorker =
  | { readonly _tag: "Listening"; readonly port: number }
  | { readonly _tag: "Sessions"; readonly count: number }
  /** The socket of this handing over is here. */
  | { readonly _tag: "Taken"; readonly id: number }

/**
 * Goes with a socket: what has been read from it, in base64.
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
 * What this process was started as; `undefined` when it is no worker.
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
 * Takes the sockets that the primary hands over, and tells it every second how many sessions there are, while the scope
 * lives. Without a primary this process drains and ends.
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
