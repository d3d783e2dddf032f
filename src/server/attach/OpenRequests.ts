/**
 * The requests and upgrades that were taken from an application's server and are not over yet: their limits, and their end.
 *
 * Its connections, their number and the time that the head and the body of a request may take are the application's.
 * Synchronous, without a clock: the caller passes the time.
 *
 * @since 0.1.0
 */
import type * as Http from "node:http"
import type { Duplex } from "node:stream"
import * as ResponseLimits from "../access/ResponseLimits.ts"
import { onSwitch, UPGRADE_MS } from "../access/SocketLimits.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface OpenRequests {
  readonly add: (response: Http.ServerResponse) => void
  readonly addUpgrade: (socket: Duplex) => void
  /** Closes the sockets of what has taken too long: responses, and upgrades that are neither granted nor answered. */
  readonly sweep: () => void
  /** Calls back once none is open: now, or when the last one ends. */
  readonly whenIdle: (idle: () => void) => void
  /** Closes the sockets of all that are open. */
  readonly destroy: () => void
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (nowMs: () => number): OpenRequests => {
  const limits = ResponseLimits.make({ nowMs })
  const responses = new Set<Http.ServerResponse>()
  const upgraded = new Set<Duplex>()
  /** Those that wait for an answer, the oldest first, and since when. */
  const pending = new Map<Duplex, number>()
  let waiting: ReadonlyArray<() => void> = []

  const isIdle = (): boolean => responses.size === 0 && upgraded.size === 0
  const ended = (): void => {
    if (!isIdle()) return
    const all = waiting
    waiting = []
    for (const idle of all) idle()
  }

  return {
    add: (response) => {
      limits.add(response)
      responses.add(response)
      response.once("close", () => {
        responses.delete(response)
        ended()
      })
    },
    addUpgrade: (socket) => {
      upgraded.add(socket)
      pending.set(socket, nowMs())
      onSwitch(socket, () => pending.delete(socket))
      socket.once("close", () => {
        pending.delete(socket)
        upgraded.delete(socket)
        ended()
      })
    },
    sweep: () => {
      limits.sweep()
      const now = nowMs()
      for (const [socket, since] of pending) {
        if (since > now - UPGRADE_MS) break
        socket.destroy()
      }
    },
    whenIdle: (idle) => {
      if (isIdle()) idle()
      else waiting = [...waiting, idle]
    },
    destroy: () => {
      for (const response of responses) response.socket?.destroy()
      for (const socket of upgraded) socket.destroy()
    }
  }
}
