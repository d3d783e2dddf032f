/**
 * For providers that reach their users within the process: a line in memory, and a time that passes by itself.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as ClientMessage from "../../session/ClientMessage.ts"
import type { UserConnection } from "../../session/UserConnection.ts"
import * as MemoryConnection from "../../transport/MemoryConnection.ts"
import * as VirtualTime from "../scenario/VirtualTime.ts"
import type { Line, Listener } from "./Harness.ts"

/**
 * Both ends of a line in memory: the connection for the provider to attach, and the user's end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const memoryLine = (ear: Listener): { readonly connection: UserConnection; readonly line: Line } => {
  const link = MemoryConnection.make({ onFrame: ear.audio, onEvent: ear.event, onClear: ear.clear })
  const end = (reason: string) =>
    Effect.sync(() => {
      link.hangup(reason)
      ear.closed(reason)
    })
  return {
    connection: {
      ...link.connection,
      close: (reason) => Effect.andThen(link.connection.close(reason), Effect.sync(() => ear.closed(reason)))
    },
    line: {
      audio: link.push,
      message: (text) => {
        const parsed = ClientMessage.parse(text)
        if (parsed._tag === "Message") link.message(parsed.message)
        else if (parsed._tag === "Malformed") link.malformed(parsed.reason)
      },
      hangUp: end("client_closed"),
      drop: end("network")
    }
  }
}

/**
 * Puts a test into virtual time that passes as fast as the machine computes it, with chance from a seed. For a harness
 * whose provider touches nothing real.
 *
 * @category running
 * @since 0.1.0
 */
export const virtualTime = (seed: string) => <A, E>(test: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  VirtualTime.provide(seed, (time) => Effect.raceFirst(test, Effect.forever(time.tick)))
