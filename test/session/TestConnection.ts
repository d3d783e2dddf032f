import { Effect } from "effect"
import type { SessionEvent } from "../../src/session/SessionEvent.ts"
import type { ConnectionListener, UserConnection } from "../../src/session/UserConnection.ts"

let ids = 0

/** A connection that records its frames and events. */
export class TestConnection implements UserConnection {
  readonly id = `test-${++ids}`
  readonly transport: string
  readonly format: UserConnection["format"]
  readonly frames: Array<Int16Array> = []
  readonly events: Array<SessionEvent> = []
  readonly closes: Array<string> = []
  /** What the provider knows of the call. */
  facts: UserConnection["facts"] = undefined
  clears = 0
  /** What `clear` takes back. */
  unplayedMs = 0
  accepts = true
  listener: ConnectionListener | undefined
  onSend: (frame: Int16Array) => void = () => {}
  /** Delivers what arrived before the session listens. */
  buffered: (listener: ConnectionListener) => void = () => {}
  closing: Effect.Effect<void> = Effect.void

  constructor(options: { readonly input?: number; readonly output?: number; readonly transport?: string } = {}) {
    this.transport = options.transport ?? "memory"
    this.format = { input: { sampleRate: options.input ?? 16_000 }, output: { sampleRate: options.output ?? 24_000 } }
  }

  readonly listen = (listener: ConnectionListener): void => {
    this.listener = listener
    this.buffered(listener)
  }
  readonly send = (frame: Int16Array): boolean => {
    if (!this.accepts) return false
    this.frames.push(frame.slice())
    this.onSend(frame)
    return true
  }
  readonly clear = (): number => {
    this.clears++
    return this.unplayedMs
  }
  readonly notify = (event: SessionEvent): void => void this.events.push(event)
  readonly close = (reason: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      this.closes.push(reason)
      return this.closing
    })

  get types(): ReadonlyArray<string> {
    return this.events.map((event) => event.type)
  }

  /** All samples that were sent. */
  get samples(): Array<number> {
    return this.frames.flatMap((frame) => Array.from(frame))
  }

  of<Type extends SessionEvent["type"]>(type: Type): Array<Extract<SessionEvent, { readonly type: Type }>> {
    return this.events.filter((event): event is Extract<SessionEvent, { readonly type: Type }> => event.type === type)
  }
}
