/**
 * A connection inside the process: for programs that feed a session themselves, and for tests.
 *
 * Synchronous, without timers or fibers. Frames handed out are copies that the receiver owns.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { msOf } from "../audio/AudioFormat.ts"
import type { ClientMessage } from "../session/ClientMessage.ts"
import type { SessionEvent } from "../session/SessionEvent.ts"
import type { UserConnection } from "../session/UserConnection.ts"
import { Inbox, nextId } from "./Inbox.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface MemoryConnectionOptions {
  /** What is known of the call (`UserConnection.facts`). Default: nothing. */
  readonly facts?: UserConnection["facts"]
  /** Of the user's audio, in Hz. Default: 16,000. */
  readonly inputSampleRate?: number | undefined
  /** Of the agent's audio, in Hz. Default: 24,000. */
  readonly outputSampleRate?: number | undefined
  /** Takes the agent's audio: a copy that it may keep. */
  readonly onFrame?: ((frame: Int16Array) => void) | undefined
  /** Is called with every event of the session, in order. */
  readonly onEvent?: ((event: SessionEvent) => void) | undefined
  /** The agent was interrupted: drop audio that was handed out and not played yet. */
  readonly onClear?: (() => void) | undefined
  /**
   * How many milliseconds of audio are buffered for `drain`; more is not accepted. Default: nothing is buffered, each
   * frame goes to `onFrame` at once.
   */
  readonly capacityMs?: number | undefined
}

/**
 * Both ends of a connection: `connection` is the session's, the rest is the user's.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryConnection {
  readonly connection: UserConnection
  /** The user speaks: mono PCM at the input rate, any length, valid only during the call. */
  readonly push: (pcm: Int16Array) => void
  /** Sends a message as the user's client would. */
  readonly message: (message: ClientMessage) => void
  /** The user's client sends a malformed message. */
  readonly malformed: (reason: string) => void
  /** The user hangs up. Default reason: `"client_closed"`. */
  readonly hangup: (reason?: string) => void
  /** Passes buffered audio to `onFrame`, at most `ms` of it (default: all). Returns how many milliseconds it was. */
  readonly drain: (ms?: number) => number
  /** Why the connection ended; `undefined` while it is open. */
  readonly endReason: () => string | undefined
}

/**
 * Makes an in-memory connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: MemoryConnectionOptions = {}): MemoryConnection => {
  const input = options.inputSampleRate ?? 16_000
  const output = options.outputSampleRate ?? 24_000
  const { capacityMs } = options
  const inbox = new Inbox(input)
  let waiting: Array<Int16Array> = []
  let samples = 0

  const drain = (ms = Infinity): number => {
    let passed = 0
    while (waiting.length > 0 && msOf(passed + waiting[0]!.length, output) <= ms) {
      const frame = waiting.shift()!
      passed += frame.length
      samples -= frame.length
      options.onFrame?.(frame)
    }
    return msOf(passed, output)
  }

  const connection: UserConnection = {
    id: nextId("memory"),
    transport: "memory",
    facts: options.facts,
    format: { input: { sampleRate: input }, output: { sampleRate: output } },
    listen: (listener) => inbox.listen(listener),
    send: (frame) => {
      if (inbox.endReason !== undefined) return false
      if (capacityMs === undefined) {
        options.onFrame?.(frame.slice())
        return true
      }
      if (msOf(samples + frame.length, output) > capacityMs) return false
      waiting.push(frame.slice())
      samples += frame.length
      return true
    },
    clear: () => {
      const ms = msOf(samples, output)
      waiting = []
      samples = 0
      options.onClear?.()
      return ms
    },
    notify: (event) => {
      if (inbox.endReason === undefined) options.onEvent?.(event)
    },
    close: (reason) => Effect.sync(() => inbox.closed(reason))
  }

  return {
    connection,
    push: (pcm) => inbox.audio(pcm),
    message: (message) => inbox.message(message),
    malformed: (reason) => inbox.malformed(reason),
    hangup: (reason = "client_closed") => inbox.closed(reason),
    drain,
    endReason: () => inbox.endReason
  }
}
