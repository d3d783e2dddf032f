/**
 * Notices that a node has gone which neither closes its connections nor sends anything: its process is frozen, or its machine
 * is lost. Whoever is connected through this node is then let go, and connects again.
 *
 * A node that has sent nothing for a second, on any of the connections to it, is looked for: its lease in the session store
 * and its reports say whether it still has the sessions. So a connection ends within a second after the lease is over. One
 * connection on which nothing came for 45 s, three pings of a WebSocket, ends in any case.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Net from "node:net"
import type { SessionPlace } from "../../backend/BackendContract.ts"
import type { BackendError } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import { PING_INTERVAL } from "../../transport/websocket/WebSocketConnection.ts"

/** How often it is looked whether something came. */
const LOOK_EVERY = Duration.seconds(1)
const SILENCE_MS = 3 * Duration.toMillis(PING_INTERVAL)
const NODES_AT_ONCE = 4

interface Watched {
  readonly id: string
  readonly socket: Pick<Net.Socket, "bytesRead">
  readonly lose: () => void
  read: number
  heardMs: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface NodeWatch {
  /** Completes when the node at the address has the session no more, or says nothing for too long. */
  readonly gone: (id: string, address: string, socket: Pick<Net.Socket, "bytesRead">) => Effect.Effect<void>
}

/** Notes what came, and tells whether nothing came from the node at all. */
const isQuiet = (connections: ReadonlySet<Watched>, nowMs: number): boolean => {
  let quiet = true
  for (const each of connections) {
    const { bytesRead } = each.socket
    if (bytesRead !== each.read) {
      each.read = bytesRead
      each.heardMs = nowMs
      quiet = false
    } else if (nowMs - each.heardMs >= SILENCE_MS) each.lose()
  }
  return quiet
}

/**
 * Watches for as long as the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  locate: (id: string) => Effect.Effect<SessionPlace, BackendError>
): Effect.fn.Return<NodeWatch, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const now = () => MonotonicTime.nowMs(clock)
  const byAddress = new Map<string, Set<Watched>>()

  const look = Effect.fnUntraced(function*(address: string, connections: ReadonlySet<Watched>) {
    for (const { id, lose } of connections) {
      const found = yield* Effect.option(locate(id))
      // The store is away or the lease still runs, so nobody else has its sessions; or it has only said nothing.
      if (found._tag === "None" || (found.value._tag === "There" && found.value.address === address)) return
      lose()
    }
  })

  yield* Effect.suspend(() => {
    const nowMs = now()
    return Effect.forEach(
      [...byAddress].filter(([, connections]) => isQuiet(connections, nowMs)),
      ([address, connections]) => look(address, connections),
      { concurrency: NODES_AT_ONCE, discard: true }
    )
  }).pipe(Effect.delay(LOOK_EVERY), Effect.forever, Effect.forkScoped)

  return {
    gone: (id, address, socket) =>
      Effect.callback<void>((resume) => {
        const connections = byAddress.get(address) ?? new Set()
        byAddress.set(address, connections)
        const watched = {
          id,
          socket,
          lose: () => resume(Effect.void),
          read: socket.bytesRead,
          heardMs: now()
        }
        connections.add(watched)
        return Effect.sync(() => {
          connections.delete(watched)
          if (connections.size === 0) byAddress.delete(address)
        })
      })
  }
})
