/**
 * For providers whose users are in the same process: a connection in memory, and virtual time.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as ClientMessage from "../../session/ClientMessage.ts"
import type { UserConnection } from "../../session/UserConnection.ts"
import * as MemoryConnection from "../../transport/MemoryConnection.ts"
import * as VirtualTime from "../scenario/VirtualTime.ts"
import type { ClientConnection, Listener } from "./Harness.ts"

/**
 * Makes both sides of a connection in memory: the one that the provider attaches, and the client's.
 *
 * @category constructors
 * @since 0.1.0
 */
export const memoryClient = (
  listener: Listener
): { readonly connection: UserConnection; readonly client: ClientConnection } => {
  const link = MemoryConnection.make({ onFrame: listener.audio, onEvent: listener.event, onClear: listener.clear })
  const end = (reason: string) =>
    Effect.sync(() => {
      link.hangup(reason)
      listener.closed(reason)
    })
  return {
    connection: {
      ...link.connection,
      close: (reason) => Effect.andThen(link.connection.close(reason), Effect.sync(() => listener.closed(reason)))
    },
    client: {
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
 * Runs a test in virtual time, as fast as the machine computes it, with random numbers from a seed. For a harness whose
 * provider uses neither network nor timers of its own.
 *
 * @category running
 * @since 0.1.0
 */
export const virtualTime = (seed: string) => <A, E>(test: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  VirtualTime.provide(seed, (time) => Effect.raceFirst(test, Effect.forever(time.tick)))
